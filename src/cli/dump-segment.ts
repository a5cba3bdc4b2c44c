import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename, dirname } from "node:path";
import { readInt32 } from "../base/bytes.ts";
import { compression } from "../codecs/node-compression.ts";
import { crc32c } from "../codecs/native-crc32c.ts";
import { codecs } from "../protocol/compression.ts";
import { decodeMessageSet } from "../protocol/legacy-message-set.ts";
import { decodeRecords, type LogRecord } from "../protocol/record.ts";
import {
  batchBits,
  batchFields,
  batchHeaderBytes,
  batchOverheadBytes,
  batchPrefixBytes,
  currentMagic,
  RecordBatch,
} from "../protocol/record-batch.ts";
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

/**
 * The batches of a segment file, one at a time. Ends at the file's end, or with a faulty entry
 * where what follows can not be told apart any more.
 */
export function* readSegment(file: string, isDeep: boolean): Generator<DumpedBatch> {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const partition = partitionOf(file);
    let nextOffset = Number.parseInt(basename(file), 10);
    for (let position = 0; position < size;) {
      const bytes = readBatch(descriptor, position, size);
      if (typeof bytes === "string") {
        yield brokenEntry(position, size - position, bytes);
        return;
      }
      const dumped = describe(bytes, { position, nextOffset, isDeep, partition });
      yield dumped;
      nextOffset = Math.max(nextOffset, dumped.lastOffset + 1);
      position += bytes.length;
    }
  } finally {
    closeSync(descriptor);
  }
}

interface Place {
  readonly position: number;
  readonly nextOffset: number;
  readonly isDeep: boolean;
  readonly partition: { topic: string; index: number };
}

function describe(bytes: Uint8Array, place: Place): DumpedBatch {
  if (bytes[batchFields.magic] !== currentMagic) return describeMessage(bytes, place);
  const batch = new RecordBatch(bytes);
  const dumped = describeBatch(batch, place.position, place.nextOffset);
  if (!place.isDeep || dumped.fault !== undefined) return dumped;
  return { ...dumped, ...openBatch(batch, place.partition) };
}

/** The bytes of the batch at `position`, or why there is none. */
function readBatch(descriptor: number, position: number, end: number): Uint8Array | string {
  const head = read(descriptor, position, Math.min(batchPrefixBytes, end - position));
  if (head.length < batchPrefixBytes) return `${head.length} bytes are no batch header`;
  const magic = head[batchFields.magic] as number;
  if (magic > currentMagic) return `a batch of magic ${magic} can not be`;
  const sizeBytes = readInt32(head, batchFields.batchLength) + batchOverheadBytes;
  const sizeBytesMin = magic === currentMagic ? batchHeaderBytes : batchPrefixBytes;
  if (sizeBytes < sizeBytesMin || sizeBytes > batchSizeBytesMax) {
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

const openOptions = { compression, sizeBytesMax: recordsSizeBytesMax };

/** A message of magic 0 or 1, or the set of them that is compressed in one. */
function describeMessage(bytes: Uint8Array, { position, isDeep, partition }: Place): DumpedBatch {
  const entry = brokenEntry(position, bytes.length, undefined);
  const attributes = bytes[batchFields.magic + 1] as number;
  const codec = codecs[attributes & batchBits.codec] ?? "?";
  try {
    const records = decodeMessageSet(bytes, openOptions);
    return {
      ...entry,
      codec,
      baseOffset: records[0]?.offset ?? -1,
      lastOffset: records.at(-1)?.offset ?? -1,
      recordCount: records.length,
      timestampType: attributes & batchBits.logAppendTime ? "LogAppendTime" : "CreateTime",
      maxTimestamp: records.reduce(
        (max, { timestampMs: at }) => (at > max ? at : max),
        entry.maxTimestamp,
      ),
      records: isDeep ? showRecords(records, partition) : [],
    };
  } catch (error) {
    return { ...entry, fault: error instanceof Error ? error.message : String(error) };
  }
}

function showRecords(records: readonly LogRecord[], partition: Place["partition"]): ShownRecord[] {
  return records.map((record) => ({
    topic: partition.topic,
    partition: partition.index,
    offset: BigInt(record.offset),
    timestampMs: BigInt(record.timestampMs),
    key: record.key,
    value: record.value,
    headers: record.headers.map(({ key, value }) => [key, value] as const),
  }));
}

function openBatch(batch: RecordBatch, partition: Place["partition"]): Partial<DumpedBatch> {
  try {
    return { records: showRecords(decodeRecords(batch, openOptions), partition) };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

function brokenEntry(position: number, sizeBytes: number, fault: string | undefined): DumpedBatch {
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
