import { assert } from "../base/assert.ts";
import { ByteWriter, type Int64 } from "../base/bytes.ts";
import { encodeUtf8 } from "../base/text.ts";
import type { RecordHeader } from "./record.ts";

/** A record to be put into a batch. */
export interface RecordInput {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
  readonly timestampMs: Int64;
  /** Its number in the batch when it is not its index, as after compaction. */
  readonly offsetDelta?: number;
}

const none = -1;
const noHeaders: readonly RecordHeader[] = [];
/** Up to here, and down to its negative, a varlong is written as a varint. */
const narrowMax = 0x40000000;

/** Records as they lie in a batch, before compression. */
export function encodeRecords(records: readonly RecordInput[], baseTimestamp: Int64): Uint8Array {
  const writer = new ByteWriter(sizeOfRecords(records, baseTimestamp));
  writeRecords(writer, records, baseTimestamp);
  return writer.toBytes();
}

/** What `writeRecords` will write, in bytes: a buffer of that size is filled to its end. */
export function sizeOfRecords(records: readonly RecordInput[], baseTimestamp: Int64): number {
  let sizeBytes = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as RecordInput;
    const bodyBytes = sizeOfBody(record, difference(record.timestampMs, baseTimestamp), index);
    sizeBytes += sizeOfVarint(bodyBytes) + bodyBytes;
  }
  return sizeBytes;
}

export function writeRecords(
  writer: ByteWriter,
  records: readonly RecordInput[],
  baseTimestamp: Int64,
): void {
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as RecordInput;
    const age = difference(record.timestampMs, baseTimestamp);
    const bodyBytes = sizeOfBody(record, age, index);
    writer.varint(bodyBytes);
    const start = writer.sizeBytes;
    writeBody(writer, record, age, index);
    assert(writer.sizeBytes - start === bodyBytes, "a record has the size that it was given");
  }
}

function sizeOfBody(record: RecordInput, age: Int64, index: number): number {
  const { key, value, headers = noHeaders, offsetDelta = index } = record;
  let sizeBytes = 1 + sizeOfVarlong(age) + sizeOfVarint(offsetDelta);
  sizeBytes += sizeOfRun(key) + sizeOfRun(value) + sizeOfVarint(headers.length);
  for (const header of headers) {
    const nameBytes = sizeOfUtf8(header.key);
    sizeBytes += sizeOfVarint(nameBytes) + nameBytes + sizeOfRun(header.value);
  }
  return sizeBytes;
}

function writeBody(writer: ByteWriter, record: RecordInput, age: Int64, index: number): void {
  const { key, value, headers = noHeaders, offsetDelta = index } = record;
  writer.int8(0);
  writer.varlong(age);
  writer.varint(offsetDelta);
  writeRun(writer, key);
  writeRun(writer, value);
  writer.varint(headers.length);
  for (const header of headers) {
    writer.utf8(header.key, writeSize);
    writeRun(writer, header.value);
  }
}

function writeSize(writer: ByteWriter, sizeBytes: number): void {
  writer.varint(sizeBytes);
}

function writeRun(writer: ByteWriter, bytes: Uint8Array | null): void {
  writer.varint(bytes === null ? none : bytes.length);
  if (bytes !== null) writer.copy(bytes);
}

function sizeOfRun(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length;
}

function sizeOfVarint(value: number): number {
  let sizeBytes = 1;
  for (let rest = ((value << 1) ^ (value >> 31)) >>> 0; rest > 0x7f; rest >>>= 7) sizeBytes += 1;
  return sizeBytes;
}

function sizeOfVarlong(value: Int64): number {
  if (typeof value === "number" && value >= -narrowMax && value < narrowMax) {
    return sizeOfVarint(value);
  }
  const wide = BigInt(value);
  let sizeBytes = 1;
  for (let rest = wide < 0n ? -2n * wide - 1n : 2n * wide; rest > 0x7fn; rest >>= 7n) {
    sizeBytes += 1;
  }
  return sizeBytes;
}

function sizeOfUtf8(text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return encodeUtf8(text).length;
  }
  return text.length;
}

function difference(one: Int64, other: Int64): Int64 {
  if (typeof one === "number" && typeof other === "number") {
    const exact = one - other;
    if (Number.isSafeInteger(exact)) return exact;
  }
  return BigInt.asIntN(64, BigInt(one) - BigInt(other));
}
