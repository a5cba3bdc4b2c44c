import { ByteReader } from "../../../base/bytes.ts";
import type { BatchWalk } from "../../../log/batch-walk.ts";
import type {
  Applied,
  Marker,
  ProducedHeader,
  ProducerStates,
} from "../../../log/producer-states.ts";
import type { AbortedTransaction } from "../../../log/transaction-index.ts";
import { controlTypes } from "../../../protocol/build-batch.ts";
import { currentMagic, type RecordBatch } from "../../../protocol/record-batch.ts";
import { RecordWalk } from "../../../protocol/record-walk.ts";

/** The producer fields of a batch whose producer id is a number. */
export function producedHeader(batch: RecordBatch): ProducedHeader {
  const { maxTimestamp } = batch;
  return {
    producerId: Number(batch.producerId),
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    lastOffsetDelta: batch.lastOffsetDelta,
    maxTimestampMs: typeof maxTimestamp === "number" ? maxTimestamp : -1,
    isTransactional: batch.isTransactional,
  };
}

/** Whether the state of producers depends on the batch. */
export function isProduced(batch: RecordBatch): boolean {
  return batch.hasProducerId && (batch.baseSequence >= 0 || batch.isTransactional);
}

/** Notes a batch of a producer at its final offsets; undefined: it changed nothing. */
export function applyBatch(
  states: ProducerStates,
  batch: RecordBatch,
  nowMs: number,
): Applied | undefined {
  const at = { lastOffset: batch.lastOffset, nowMs };
  const header = producedHeader(batch);
  if (!batch.isControl) return states.apply(header, at);
  const marker = readMarker(batch);
  return marker === undefined ? undefined : states.apply(header, { ...at, marker });
}

/**
 * Notes a stored batch; those of no producer and of the old formats say nothing. Answers the
 * transaction that it aborted.
 */
export function replayBatch(
  states: ProducerStates,
  walk: BatchWalk,
  nowMs: number,
): AbortedTransaction | undefined {
  if (walk.magic !== currentMagic) return undefined;
  const { batch } = walk;
  if (typeof batch.producerId === "bigint" || !isProduced(batch)) return undefined;
  return applyBatch(states, batch, nowMs)?.aborted;
}

/** Undefined: its record was compacted away, or it is no transaction's end. */
function readMarker(batch: RecordBatch): Marker | undefined {
  const walk = new RecordWalk(batch.records, batch.recordCount);
  if (!walk.next()) return undefined;
  const { key, value } = walk;
  if (key === null || key.length < markerKeyBytes) return undefined;
  const type = new ByteReader(key, 2).int16();
  if (type !== controlTypes.abort && type !== controlTypes.commit) return undefined;
  const isAbort = type === controlTypes.abort;
  if (value === null || value.length < markerValueBytes) return { isAbort, coordinatorEpoch: -1 };
  return { isAbort, coordinatorEpoch: new ByteReader(value, 2).int32() };
}

/** int16 version, int16 type. */
const markerKeyBytes = 4;
/** int16 version, int32 epoch of the coordinator. */
const markerValueBytes = 6;
