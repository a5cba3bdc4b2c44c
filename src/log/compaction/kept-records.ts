import { ByteWriter, type Int64, writeInt32, writeInt64 } from "../../base/bytes.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import {
  batchBits,
  batchFields,
  batchHeaderBytes,
  batchOverheadBytes,
  type RecordBatch,
} from "../../protocol/record-batch.ts";
import { addTimestamps } from "../../protocol/record-walk.ts";

/** One record among the opened records of its batch: [from, to). */
export interface RecordRun {
  readonly from: number;
  readonly to: number;
  readonly timestampDelta: Int64;
}

interface Kept {
  /** The opened records of the batch. */
  readonly records: Uint8Array;
  /** Those that stay, in order, at least one. */
  readonly runs: readonly RecordRun[];
  /** When tombstones or the marker in it may go; undefined: as it was. */
  readonly horizonMs: number | undefined;
}

const none = -1;

/**
 * The batch with some of its records, with the same offsets, codec and producer fields. Its base
 * timestamp is the delete horizon, or that of its first record (records.md).
 */
export function rebuildBatch(batch: RecordBatch, kept: Kept, tools: BatchTools): Uint8Array {
  const hasHorizon = kept.horizonMs !== undefined || batch.hasDeleteHorizon;
  const { baseTimestamp } = batch;
  const first = timestampOf(batch, kept.runs[0] as RecordRun);
  const base = kept.horizonMs ?? (batch.hasDeleteHorizon ? baseTimestamp : first);
  const payload = encodeRuns(batch, kept, base);
  const { codec } = batch;
  const stored = codec === "none" ? payload : tools.compression.compress(codec, payload);
  const bytes = headOf(batch, stored.length);
  bytes.set(stored, batchHeaderBytes);
  const attributes = batch.attributes | (hasHorizon ? batchBits.deleteHorizon : 0);
  bytes[batchFields.attributes + 1] = attributes;
  writeInt64(bytes, batchFields.baseTimestamp, base);
  writeInt64(bytes, batchFields.maxTimestamp, maxTimestampOf(batch, kept.runs));
  writeInt32(bytes, batchFields.recordCount, kept.runs.length);
  return summed(bytes, tools);
}

/** The batch without records: what is left of it says how far the log and its producer came. */
export function emptyBatch(batch: RecordBatch, tools: BatchTools): Uint8Array {
  if (batch.recordCount === 0) return batch.bytes;
  const bytes = headOf(batch, 0);
  const cleared = batchBits.codec | batchBits.deleteHorizon;
  bytes[batchFields.attributes + 1] = batch.attributes & ~cleared;
  writeInt64(bytes, batchFields.baseTimestamp, none);
  writeInt32(bytes, batchFields.recordCount, 0);
  return summed(bytes, tools);
}

function headOf(batch: RecordBatch, recordsBytes: number): Uint8Array {
  const bytes = new Uint8Array(batchHeaderBytes + recordsBytes);
  bytes.set(batch.source.subarray(batch.position, batch.position + batchHeaderBytes));
  writeInt32(bytes, batchFields.batchLength, bytes.length - batchOverheadBytes);
  return bytes;
}

function summed(bytes: Uint8Array, { crc32c }: BatchTools): Uint8Array {
  writeInt32(bytes, batchFields.crc, crc32c(bytes.subarray(batchFields.attributes)));
  return bytes;
}

function encodeRuns(batch: RecordBatch, { records, runs }: Kept, base: Int64): Uint8Array {
  const writer = new ByteWriter(records.length);
  const body = new ByteWriter(64);
  const isSameBase = base === batch.baseTimestamp && !isAppendTime(batch);
  for (const run of runs) {
    if (isSameBase) writer.copy(records.subarray(run.from, run.to));
    else writeMoved(writer, body, moved(batch, records, run, base));
  }
  return writer.toBytes();
}

interface MovedRecord {
  readonly attributes: number;
  readonly timestampDelta: Int64;
  /** From its offset delta on. */
  readonly rest: Uint8Array;
}

function moved(batch: RecordBatch, records: Uint8Array, run: RecordRun, base: Int64): MovedRecord {
  const at = pastVarint(records, run.from);
  const rest = records.subarray(pastVarint(records, at + 1), run.to);
  const timestampDelta = difference(timestampOf(batch, run), base);
  return { attributes: records[at] as number, timestampDelta, rest };
}

function writeMoved(writer: ByteWriter, body: ByteWriter, record: MovedRecord): void {
  body.clear();
  body.int8(record.attributes);
  body.varlong(record.timestampDelta);
  const head = body.toBytes();
  writer.varint(head.length + record.rest.length);
  writer.copy(head);
  writer.copy(record.rest);
}

/** A varint's bytes but for the last have their top bit set. */
function pastVarint(bytes: Uint8Array, at: number): number {
  let next = at;
  while ((bytes[next] as number) >= 0x80) next += 1;
  return next + 1;
}

function isAppendTime(batch: RecordBatch): boolean {
  return batch.timestampType === "LogAppendTime";
}

/** In a batch with append time that is each record's time. */
function timestampOf(batch: RecordBatch, run: RecordRun): Int64 {
  if (isAppendTime(batch)) return batch.maxTimestamp;
  // A delete horizon stands where the base was: the deltas go by it.
  return addTimestamps(batch.baseTimestamp, run.timestampDelta);
}

function maxTimestampOf(batch: RecordBatch, runs: readonly RecordRun[]): Int64 {
  if (isAppendTime(batch)) return batch.maxTimestamp;
  let largest: Int64 = none;
  for (const run of runs) {
    const timestamp = timestampOf(batch, run);
    if (timestamp > largest) largest = timestamp;
  }
  return largest;
}

function difference(one: Int64, other: Int64): Int64 {
  if (typeof one === "number" && typeof other === "number") {
    const exact = one - other;
    if (Number.isSafeInteger(exact)) return exact;
  }
  return BigInt.asIntN(64, BigInt(one) - BigInt(other));
}
