import type { Crc32c } from "../../../base/crc32c.ts";
import { MalformedError, XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { codecs } from "../../../protocol/compression.ts";
import { batchBits, currentMagic, type RecordBatch } from "../../../protocol/record-batch.ts";
import { inspectRecords } from "../../../protocol/record-walk.ts";
import type { AssignedBatch } from "./partition-appends.ts";
import { segmentBytesMax } from "./validate-batch.ts";

export interface MirroredRules {
  /** The log's end. */
  readonly from: number;
  /** Offsets may be in no batch. */
  readonly hasGaps: boolean;
  /** Stamped into each batch: the one it had is another log's. */
  readonly leaderEpoch: number;
  readonly settings: TopicSettings;
}

/**
 * The batches of another log in `bytes`, judged as a client's, but for their offsets: these are
 * theirs. Throws with nothing changed: CORRUPT_MESSAGE, INVALID_RECORD, RECORD_LIST_TOO_LARGE,
 * OFFSET_MISMATCH.
 */
export function findMirrored(
  bytes: Uint8Array,
  rules: MirroredRules,
  crc32c: Crc32c,
): AssignedBatch[] {
  const walk = new BatchWalk(bytes, 0, 0);
  const batches: RecordBatch[] = [];
  let next = rules.from;
  for (let sight = walk.look(); sight !== "end"; sight = walk.look()) {
    if (sight !== "batch" || walk.magic !== currentMagic || !walk.isIntact(crc32c)) {
      throw new XylemError("CORRUPT_MESSAGE", `no sound batch at byte ${walk.position}`);
    }
    const { batch } = walk;
    checkPlace(next, batch.baseOffset, rules.hasGaps);
    checkBatch(batch, rules.settings);
    batches.push(batch);
    walk.advance();
    next = walk.offsetMin;
  }
  if (batches.length === 0) throw new XylemError("INVALID_RECORD", "there is no batch to mirror");
  return batches.map((batch) => place(batch, rules.leaderEpoch));
}

function checkPlace(expected: number, actual: number, hasGaps: boolean): void {
  if (actual === expected || (hasGaps && actual > expected)) return;
  const detail = `the next offset is ${expected}, not ${actual}`;
  throw new XylemError("OFFSET_MISMATCH", detail, { facts: { expected, actual } });
}

function checkBatch(batch: RecordBatch, settings: TopicSettings): void {
  const segmentBytes = segmentBytesMax(settings);
  if (batch.sizeBytes > segmentBytes) {
    const detail = `a batch of ${batch.sizeBytes} bytes, a segment takes ${segmentBytes}`;
    throw new XylemError("RECORD_LIST_TOO_LARGE", detail);
  }
  const fault = findFault(batch);
  if (fault === undefined) return;
  throw new XylemError("INVALID_RECORD", `the batch at offset ${batch.baseOffset} has ${fault}`);
}

function findFault(batch: RecordBatch): string | undefined {
  const { recordCount, lastOffsetDelta, attributes } = batch;
  if (batch.producerId !== -1 || batch.isTransactional) return "a producer";
  if (batch.isControl) return "no records but a marker";
  if (recordCount < 0 || recordCount > lastOffsetDelta + 1) return `${recordCount} records`;
  if (codecs[attributes & batchBits.codec] === undefined) return "an unknown codec";
  if (batch.isCompressed) return undefined;
  try {
    const { baseTimestamp } = batch;
    const bounds = { timestampMsMin: -Infinity, timestampMsMax: Infinity };
    inspectRecords(batch.records, recordCount, { baseTimestamp, isKeyRequired: false, ...bounds });
    return undefined;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return `no sound records: ${error.message}`;
  }
}

function place(batch: RecordBatch, leaderEpoch: number): AssignedBatch {
  const { baseOffset, lastOffset, sizeBytes, bytes } = batch;
  batch.assignOffset(baseOffset, leaderEpoch);
  const maxTimestampMs = Number(batch.maxTimestamp);
  return { bytes, sizeBytes, baseOffset, lastOffset, maxTimestampMs, leaderEpoch, batch };
}
