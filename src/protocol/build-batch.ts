import { assert } from "../base/assert.ts";
import { ByteWriter, type Int64, writeInt32 } from "../base/bytes.ts";
import type { Crc32c } from "../base/crc32c.ts";
import { type Codec, codecs, type Compression } from "./compression.ts";
import { encodeRecords, type RecordInput, sizeOfRecords, writeRecords } from "./encode-records.ts";
import { batchBits, batchFields, batchOverheadBytes, currentMagic } from "./record-batch.ts";

/** Header fields of a batch; what is left out is as in a plain batch of a client. */
export interface BatchOptions {
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  readonly codec?: Codec;
  /** As Kafka's `compression.<codec>.level`. */
  readonly level?: number;
  readonly producerId?: Int64;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Set: a LogAppendTime batch of that time. */
  readonly logAppendTimeMs?: number;
  /** When it is not that of the last record, as after compaction. */
  readonly lastOffsetDelta?: number;
  /** When it is not that of the records, as of an empty batch after compaction. */
  readonly maxTimestampMs?: Int64;
}

/** What building a batch takes from outside. */
export interface BatchTools {
  readonly crc32c: Crc32c;
  readonly compression: Compression;
}

const none = -1;

/** A magic-2 batch of `records` in one run of bytes, with its sum. */
export function buildBatch(
  records: readonly RecordInput[],
  options: BatchOptions,
  tools: BatchTools,
): Uint8Array {
  const baseTimestamp = baseOf(records);
  const packed = pack(records, options, tools.compression);
  const payloadBytes = packed?.length ?? sizeOfRecords(records, baseTimestamp);
  const writer = new ByteWriter(batchFields.records + payloadBytes);
  writer.int64(options.baseOffset ?? 0);
  writer.int32(batchFields.records + payloadBytes - batchOverheadBytes);
  writer.int32(options.leaderEpoch ?? none);
  writer.int8(currentMagic);
  writer.int32(0);
  writer.int16(attributesOf(options, payloadBytes));
  writer.int32(options.lastOffsetDelta ?? records.at(-1)?.offsetDelta ?? records.length - 1);
  writer.int64(baseTimestamp);
  writer.int64(options.logAppendTimeMs ?? options.maxTimestampMs ?? maxTimestampOf(records));
  writer.int64(options.producerId ?? none);
  writer.int16(options.producerEpoch ?? none);
  writer.int32(options.baseSequence ?? none);
  writer.int32(records.length);
  if (packed === undefined) writeRecords(writer, records, baseTimestamp);
  else writer.copy(packed);
  const batch = writer.toBytes();
  writeInt32(batch, batchFields.crc, tools.crc32c(batch.subarray(batchFields.attributes)));
  return batch;
}

/** Undefined: they go into the batch as they are. */
function pack(
  records: readonly RecordInput[],
  { codec = "none", level }: BatchOptions,
  port: Compression,
): Uint8Array | undefined {
  if (codec === "none" || records.length === 0) return undefined;
  return port.compress(codec, encodeRecords(records, baseOf(records)), level);
}

function baseOf(records: readonly RecordInput[]): Int64 {
  return records[0]?.timestampMs ?? none;
}

function attributesOf(options: BatchOptions, payloadBytes: number): number {
  let bits = payloadBytes === 0 ? 0 : codecs.indexOf(options.codec ?? "none");
  if (options.logAppendTimeMs !== undefined) bits |= batchBits.logAppendTime;
  if (options.isTransactional) bits |= batchBits.transactional;
  if (options.isControl) bits |= batchBits.control;
  return bits;
}

function maxTimestampOf(records: readonly RecordInput[]): Int64 {
  let largest: Int64 = none;
  for (const { timestampMs } of records) if (timestampMs > largest) largest = timestampMs;
  return largest;
}

/** Control record types (records.md); the others belong to KRaft's own log. */
export const controlTypes = { abort: 0, commit: 1 } as const;

export interface MarkerOptions {
  readonly type: "abort" | "commit";
  readonly producerId: Int64;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly timestampMs: number;
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
}

/** A transaction marker: a control batch of one record and 78 bytes. */
export function buildMarker(options: MarkerOptions, tools: BatchTools): Uint8Array {
  const key = new ByteWriter(4);
  key.int16(0);
  key.int16(controlTypes[options.type]);
  const value = new ByteWriter(6);
  value.int16(0);
  value.int32(options.coordinatorEpoch);
  const { timestampMs, producerId, producerEpoch, baseOffset = 0, leaderEpoch = none } = options;
  const record = { key: key.toBytes(), value: value.toBytes(), timestampMs };
  const flags = { isTransactional: true, isControl: true };
  const batch = { ...flags, producerId, producerEpoch, baseOffset, leaderEpoch };
  const marker = buildBatch([record], batch, tools);
  assert(marker.length === 78, `marker of ${marker.length} bytes`);
  return marker;
}
