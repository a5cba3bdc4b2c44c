import { ByteReader, type Int64 } from "../base/bytes.ts";
import type { Compression } from "./compression.ts";
import type { RecordBatch } from "./record-batch.ts";
import { addTimestamps, RecordWalk } from "./record-walk.ts";

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** One record as an object. Key, value and header values are views. */
export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: Int64;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

export interface OpenOptions {
  readonly compression: Compression;
  /** Bound of what the records may decompress to. */
  readonly sizeBytesMax: number;
}

/** The records of a batch, decompressed; a view when they are not compressed. */
export function openRecords(batch: RecordBatch, options: OpenOptions): Uint8Array {
  if (!batch.isCompressed) return batch.records;
  return options.compression.decompress(batch.codec, batch.records, options.sizeBytesMax);
}

/**
 * All records of a batch, control records too, as objects: for consumers in the process, tools and
 * coordinators, not for the hot path. Throws MalformedError on bytes that are no records.
 */
export function decodeRecords(batch: RecordBatch, options: OpenOptions): LogRecord[] {
  const walk = new RecordWalk(openRecords(batch, options), batch.recordCount);
  const { baseOffset, baseTimestamp, maxTimestamp } = batch;
  const isAppendTime = batch.timestampType === "LogAppendTime";
  const records: LogRecord[] = [];
  while (walk.next()) {
    records.push({
      offset: baseOffset + walk.offsetDelta,
      timestampMs: isAppendTime ? maxTimestamp : addTimestamps(baseTimestamp, walk.timestampDelta),
      key: walk.key,
      value: walk.value,
      headers: readHeaders(walk),
    });
  }
  walk.finish();
  return records;
}

const noHeaders: readonly RecordHeader[] = [];

/** The headers of the record that `walk` is at. */
export function readHeaders(walk: RecordWalk): readonly RecordHeader[] {
  if (walk.headerCount === 0) return noHeaders;
  const reader = new ByteReader(walk.source, walk.headersPosition);
  const headers: RecordHeader[] = [];
  for (let index = 0; index < walk.headerCount; index++) {
    const key = reader.utf8(reader.varint());
    const valueBytes = reader.varint();
    headers.push({ key, value: valueBytes < 0 ? null : reader.bytes(valueBytes) });
  }
  return headers;
}
