import { writeInt32, writeInt64 } from "../../base/bytes.ts";
import { assert } from "../../base/assert.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { compression } from "../../codecs/node-compression.ts";
import type { Compression } from "../../protocol/compression.ts";
import { buildBatch, controlTypes } from "../../protocol/build-batch.ts";
import { batchBits, batchFields, RecordBatch, recordBatches } from "../../protocol/record-batch.ts";
import { decodeRecords } from "../../protocol/record.ts";

/** A transaction that was aborted, as a fetch tells. */
export interface Aborted {
  readonly producerId: bigint | number;
  readonly firstOffset: number;
}

export interface FetchedRecords {
  readonly bytes: Uint8Array;
  readonly aborted: readonly Aborted[];
  /** The offset that was asked for. */
  readonly from: number;
  /** The target's log can not have gaps: they are filled with batches without records. */
  readonly isDense: boolean;
}

/** Whole batches for the target, in order, `from` to `next`. */
export interface MirroredBatches {
  readonly parts: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly next: number;
  readonly recordCount: number;
  /** The source's, of the last of them; -1: there is none. */
  readonly lastEpoch: number;
}

/**
 * What a target gets of fetched batches: committed records at their offsets, with their times,
 * compressed as they are. Producers and transactions belong to the source's brokers; their ids
 * would meet the same ids of other producers here. So their fields are blanked, and batches of
 * aborted transactions and markers become batches without records, which keep the offsets used.
 * Of a batch that begins before `from` the records from there on are written anew.
 * `bytes` is changed in place where that is enough. Throws MalformedError for what is no batch of
 * magic 2.
 */
export function mirrorBatches(fetched: FetchedRecords): MirroredBatches {
  const { bytes, from, isDense } = fetched;
  const isAborted = abortedFilter(fetched.aborted);
  const parts: Uint8Array[] = [];
  let next = from;
  let emptyFrom = from;
  let emptyMs = -1;
  let recordCount = 0;
  let lastEpoch = -1;
  const fill = (to: number): void => {
    if (to > emptyFrom) parts.push(...emptyBatches(emptyFrom, to, emptyMs));
    emptyFrom = to;
  };
  for (const batch of recordBatches(bytes)) {
    if (batch.lastOffset < from) continue;
    lastEpoch = batch.partitionLeaderEpoch;
    if (isAborted(batch) || batch.isControl || batch.recordCount === 0) {
      emptyMs = Math.max(emptyMs, Number(batch.maxTimestamp));
      next = batch.nextOffset;
      continue;
    }
    const part = batch.baseOffset < from ? cutAhead(batch, from) : withoutProducer(batch);
    fill(isDense ? Math.max(from, batch.baseOffset) : next);
    parts.push(part);
    recordCount += new RecordBatch(part).recordCount;
    next = batch.nextOffset;
    emptyFrom = next;
    emptyMs = -1;
  }
  fill(next);
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { parts, sizeBytes, next, recordCount, lastEpoch };
}

/** Batches without records that use up the offsets [from, to). */
export function emptyBatches(from: number, to: number, timestampMs = -1): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let base = from; base < to; base += 2 ** 31) {
    const lastOffsetDelta = Math.min(to - base, 2 ** 31) - 1;
    const options = { baseOffset: base, lastOffsetDelta, maxTimestampMs: timestampMs };
    batches.push(buildBatch([], options, { crc32c, compression: neverUsed }));
  }
  return batches;
}

/** KIP-98: batches count as aborted from a transaction's first offset to its marker. */
function abortedFilter(aborted: readonly Aborted[]): (batch: RecordBatch) => boolean {
  const waiting = aborted.toSorted((one, other) => one.firstOffset - other.firstOffset);
  const producers = new Set<bigint | number>();
  let started = 0;
  return (batch) => {
    while (started < waiting.length) {
      const transaction = waiting[started] as Aborted;
      if (transaction.firstOffset > batch.lastOffset) break;
      producers.add(transaction.producerId);
      started += 1;
    }
    if (!batch.isTransactional || !producers.has(batch.producerId)) return false;
    if (batch.isControl && isAbortMarker(batch)) producers.delete(batch.producerId);
    return true;
  };
}

function isAbortMarker(batch: RecordBatch): boolean {
  const [record] = decodeRecords(batch, { compression: neverUsed, sizeBytesMax: 1_024 });
  const key = record?.key;
  return key !== undefined && key !== null && key.length >= 4 && key[3] === controlTypes.abort;
}

/** Of one batch when it is opened. */
const batchBytesMax = 1024 ** 3;

const transactionalByte = batchFields.attributes + 1;

/** The batch as a client without a producer id would have sent it; its sum is renewed. */
function withoutProducer(batch: RecordBatch): Uint8Array {
  const { bytes } = batch;
  if (!batch.hasProducerId && !batch.isTransactional) return bytes;
  bytes[transactionalByte] = (bytes[transactionalByte] as number) & ~batchBits.transactional;
  writeInt64(bytes, batchFields.producerId, -1);
  bytes[batchFields.producerEpoch] = 0xff;
  bytes[batchFields.producerEpoch + 1] = 0xff;
  writeInt32(bytes, batchFields.baseSequence, -1);
  writeInt32(bytes, batchFields.crc, crc32c(bytes.subarray(batchFields.attributes)));
  return bytes;
}

/** A target may end within a batch, as where the source's log start divided it. */
function cutAhead(batch: RecordBatch, from: number): Uint8Array {
  const open = { compression, sizeBytesMax: batchBytesMax };
  const records = decodeRecords(batch, open).filter(({ offset }) => offset >= from);
  const inputs = records.map((record) => ({ ...record, offsetDelta: record.offset - from }));
  const isAppendTime = batch.timestampType === "LogAppendTime";
  const options = {
    baseOffset: from,
    lastOffsetDelta: batch.lastOffset - from,
    leaderEpoch: batch.partitionLeaderEpoch,
    codec: batch.codec,
    ...(isAppendTime && { logAppendTimeMs: Number(batch.maxTimestamp) }),
  };
  return buildBatch(inputs, options, { crc32c, compression });
}

/** Markers and empty batches are never compressed. */
const neverUsed: Compression = {
  compress: (_codec, bytes) => bytes,
  decompress: (codec, bytes) => {
    assert(codec === "none", "markers are not compressed");
    return bytes;
  },
};
