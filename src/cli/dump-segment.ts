import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename, dirname } from "node:path";
import { compression } from "../codecs/compression.ts";
import { crc32c } from "../codecs/crc32c.ts";
import { decodeRecords } from "../protocol/record.ts";
import { batchHeaderBytes, batchOverheadBytes, RecordBatch } from "../protocol/record-batch.ts";
import type { ShownRecord } from "./record-format.ts";

/** A stored batch as `xylem dump` shows it. `fault` says what is wrong with it. */
export interface DumpedBatch {
  readonly position: number;
  readonly sizeBytes: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly recordCount: number;
  readonly leaderEpoch: number;
  readonly codec: string;
  readonly timestampType: string;
  readonly maxTimestamp: number | bigint;
  readonly producerId: number | bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly fault: string | undefined;
  readonly records: readonly ShownRecord[];
}

/** A damaged header may claim any size: more is not read at once. */
const batchSizeBytesMax = 1_073_741_824;
const recordsSizeBytesMax = 1_073_741_824;
const magicPosition = 16;

/**
 * The batches of a segment file, one at a time. Ends at the file's end, or with a faulty entry where
 * what follows can not be told apart any more.
 */
export function* readSegment(file: string, isDeep: boolean): Generator<DumpedBatch> {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const partition = partitionOf(file);
    let nextOffset = Number.parseInt(basename(file), 10);
    for (let position = 0; position < size; ) {
      const bytes = readBatch(descriptor, position, size);
      if (typeof bytes === "string") {
        yield brokenEntry(position, size - position, bytes);
        return;
      }
      const batch = new RecordBatch(bytes);
      const dumped = describeBatch(batch, position, nextOffset);
      const isReadable = isDeep && dumped.fault === undefined;
      yield isReadable ? { ...dumped, ...openBatch(batch, partition) } : dumped;
      nextOffset = Math.max(nextOffset, dumped.lastOffset + 1);
      position += bytes.length;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of the batch at `position`, or why there is none. */
function readBatch(descriptor: number, position: number, end: number): Uint8Array | string {
  const head = read(descriptor, position, Math.min(batchHeaderBytes, end - position));
  if (head.length < batchHeaderBytes) return `${head.length} bytes are no batch header`;
  if (head[magicPosition] !== 2) return `magic ${head[magicPosition]} is not shown`;
  const sizeBytes = new RecordBatch(head).sizeBytes;
  if (sizeBytes < batchHeaderBytes || sizeBytes > batchSizeBytesMax) {
    return `a batch of ${sizeBytes - batchOverheadBytes} bytes can not be`;
  }
  if (position + sizeBytes > end) return `the batch of ${sizeBytes} bytes is cut off`;
  return read(descriptor, position, sizeBytes);
}

function read(descriptor: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

function describeBatch(batch: RecordBatch, position: number, nextOffset: number): DumpedBatch {
  let fault: string | undefined;
  if (!batch.isCrcValid(crc32c)) fault = "its CRC does not match";
  else if (batch.baseOffset < nextOffset) fault = `its offsets begin below ${nextOffset}`;
  return {
    position,
    sizeBytes: batch.sizeBytes,
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    recordCount: batch.recordCount,
    leaderEpoch: batch.partitionLeaderEpoch,
    codec: fault === undefined ? batch.codec : "?",
    timestampType: batch.timestampType,
    maxTimestamp: batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    fault,
    records: [],
  };
}

function openBatch(
  batch: RecordBatch,
  partition: { topic: string; index: number },
): Partial<DumpedBatch> {
  try {
    const records = decodeRecords(batch, { compression, sizeBytesMax: recordsSizeBytesMax });
    return {
      records: records.map((record) => ({
        topic: partition.topic,
        partition: partition.index,
        offset: BigInt(record.offset),
        timestampMs: BigInt(record.timestampMs),
        key: record.key,
        value: record.value,
        headers: record.headers.map(({ key, value }) => [key, value] as const),
      })),
    };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

function brokenEntry(position: number, sizeBytes: number, fault: string): DumpedBatch {
  return {
    position,
    sizeBytes,
    baseOffset: -1,
    lastOffset: -1,
    recordCount: 0,
    leaderEpoch: -1,
    codec: "?",
    timestampType: "?",
    maxTimestamp: -1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    isTransactional: false,
    isControl: false,
    fault,
    records: [],
  };
}

function partitionOf(file: string): { topic: string; index: number } {
  const match = /^(.+)-(\d+)$/.exec(basename(dirname(file)));
  return { topic: match?.[1] ?? "", index: Number(match?.[2] ?? -1) };
}
