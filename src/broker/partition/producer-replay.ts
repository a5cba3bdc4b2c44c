import { ByteReader } from "../../base/bytes.ts";
import type { BatchWalk } from "../../log/batch-walk.ts";
import type { Producer, ProducedHeader, ProducerStates } from "../../log/producer-states.ts";
import { currentMagic, type RecordBatch } from "../../protocol/record-batch.ts";
import { RecordWalk } from "../../protocol/record-walk.ts";

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

/** Notes a batch at its final offsets. Answers what was known of its producer before. */
export function applyBatch(
  states: ProducerStates,
  batch: RecordBatch,
  nowMs: number,
): Producer | undefined {
  const at = { lastOffset: batch.lastOffset, nowMs };
  const header = producedHeader(batch);
  if (!batch.isControl) return states.apply(header, at);
  return states.apply(header, { ...at, markerEpoch: markerEpochOf(batch) });
}

/** Notes a stored batch; those of no producer and of the old formats say nothing. */
export function replayBatch(states: ProducerStates, walk: BatchWalk, nowMs: number): void {
  if (walk.magic !== currentMagic) return;
  const { batch } = walk;
  if (!batch.hasProducerId || typeof batch.producerId === "bigint") return;
  if (batch.isControl || batch.baseSequence >= 0) applyBatch(states, batch, nowMs);
}

/** The coordinator's epoch in the value of a transaction marker: int16 version, int32 epoch. */
function markerEpochOf(batch: RecordBatch): number {
  const walk = new RecordWalk(batch.records, batch.recordCount);
  const value = walk.next() ? walk.value : null;
  if (value === null || value.length < 6) return -1;
  return new ByteReader(value, 2).int32();
}
