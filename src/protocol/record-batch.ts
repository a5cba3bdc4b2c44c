import { type Int64, readInt32, readInt64, writeInt32, writeInt64 } from "../base/bytes.ts";
import type { Crc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { type Codec, codecs } from "./compression.ts";

/** Where the fields of a magic-2 batch lie, from its first byte (records.md). */
export const batchFields = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** The smallest batch: a header without records, as compaction leaves them. */
export const batchHeaderBytes = batchFields.records;
/** What `batchLength` does not count: the base offset and itself. */
export const batchOverheadBytes = 12;
/** Enough of a batch, of any magic, to tell its offset, size and magic. */
export const batchPrefixBytes = batchFields.magic + 1;
export const currentMagic = 2;

const sequenceCount = 2 ** 31;

/** Bits of `attributes`. */
export const batchBits = {
  codec: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const;

export type TimestampType = "CreateTime" | "LogAppendTime";

/**
 * One magic-2 batch where it lies: reads its header from the bytes, copies nothing. Only that the
 * whole header is there is checked; `isWhole`, `isCrcValid` and the record walk check the rest.
 */
export class RecordBatch {
  readonly source: Uint8Array;
  readonly position: number;

  constructor(source: Uint8Array, position = 0) {
    if (source.length - position < batchHeaderBytes) {
      throw new MalformedError(`a batch header in ${source.length - position} bytes`);
    }
    this.source = source;
    this.position = position;
  }

  /** All of its bytes, a view. */
  get bytes(): Uint8Array {
    return this.source.subarray(this.position, this.end);
  }

  /** Position after its last byte; beyond the source when only a part is there. */
  get end(): number {
    return this.position + this.sizeBytes;
  }

  get isWhole(): boolean {
    return this.sizeBytes >= batchHeaderBytes && this.end <= this.source.length;
  }

  /** Of the whole batch, from its base offset on. */
  get sizeBytes(): number {
    return this.#int32(batchFields.batchLength) + batchOverheadBytes;
  }

  get baseOffset(): number {
    const offset = this.#int64(batchFields.baseOffset);
    if (typeof offset === "number") return offset;
    throw new MalformedError(`base offset ${offset} is no offset`);
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }

  /** The offset after its last one. */
  get nextOffset(): number {
    return this.lastOffset + 1;
  }

  get partitionLeaderEpoch(): number {
    return this.#int32(batchFields.partitionLeaderEpoch);
  }

  get magic(): number {
    return this.source[this.position + batchFields.magic] as number;
  }

  get crc(): number {
    return this.#int32(batchFields.crc) >>> 0;
  }

  /** The low byte: Kafka knows no other bits. */
  get attributes(): number {
    return this.source[this.position + batchFields.attributes + 1] as number;
  }

  /** Throws MalformedError for the numbers that name no codec. */
  get codec(): Codec {
    const codec = codecs[this.attributes & batchBits.codec];
    if (codec !== undefined) return codec;
    throw new MalformedError(`codec ${this.attributes & batchBits.codec} does not exist`);
  }

  get isCompressed(): boolean {
    return (this.attributes & batchBits.codec) !== 0;
  }

  get timestampType(): TimestampType {
    return this.attributes & batchBits.logAppendTime ? "LogAppendTime" : "CreateTime";
  }

  get isTransactional(): boolean {
    return (this.attributes & batchBits.transactional) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & batchBits.control) !== 0;
  }

  /** Base timestamp is the time from which tombstones here may go. */
  get hasDeleteHorizon(): boolean {
    return (this.attributes & batchBits.deleteHorizon) !== 0;
  }

  get lastOffsetDelta(): number {
    return this.#int32(batchFields.lastOffsetDelta);
  }

  get baseTimestamp(): Int64 {
    return this.#int64(batchFields.baseTimestamp);
  }

  get maxTimestamp(): Int64 {
    return this.#int64(batchFields.maxTimestamp);
  }

  get producerId(): Int64 {
    return this.#int64(batchFields.producerId);
  }

  /** Written by an idempotent or transactional producer. */
  get hasProducerId(): boolean {
    return this.producerId > -1;
  }

  get producerEpoch(): number {
    return this.#int32(batchFields.producerEpoch) >> 16;
  }

  get baseSequence(): number {
    return this.#int32(batchFields.baseSequence);
  }

  /** -1 without sequences; wraps from 2147483647 to 0. */
  get lastSequence(): number {
    const first = this.baseSequence;
    return first < 0 ? -1 : (first + this.lastOffsetDelta) % sequenceCount;
  }

  get recordCount(): number {
    return this.#int32(batchFields.recordCount);
  }

  /** The records, compressed or not, a view. */
  get records(): Uint8Array {
    return this.source.subarray(this.position + batchFields.records, this.end);
  }

  isCrcValid(crc32c: Crc32c): boolean {
    return this.crc === crc32c(this.#summed());
  }

  /** Sets what the leader sets; both fields lie outside the sum. */
  assignOffset(baseOffset: number, leaderEpoch: number): void {
    writeInt64(this.source, this.position + batchFields.baseOffset, baseOffset);
    writeInt32(this.source, this.position + batchFields.partitionLeaderEpoch, leaderEpoch);
  }

  /** Makes it a LogAppendTime batch of that time and renews the sum. */
  setLogAppendTime(timeMs: number, crc32c: Crc32c): void {
    this.#setAttributes(this.attributes | batchBits.logAppendTime);
    this.#setMaxTimestamp(timeMs, crc32c);
  }

  /** Makes it a CreateTime batch with that largest timestamp and renews the sum. */
  setCreateTime(maxTimestampMs: Int64, crc32c: Crc32c): void {
    this.#setAttributes(this.attributes & ~batchBits.logAppendTime);
    this.#setMaxTimestamp(maxTimestampMs, crc32c);
  }

  #setAttributes(attributes: number): void {
    this.source[this.position + batchFields.attributes + 1] = attributes;
  }

  #setMaxTimestamp(timestampMs: Int64, crc32c: Crc32c): void {
    writeInt64(this.source, this.position + batchFields.maxTimestamp, timestampMs);
    writeInt32(this.source, this.position + batchFields.crc, crc32c(this.#summed()));
  }

  #summed(): Uint8Array {
    return this.source.subarray(this.position + batchFields.attributes, this.end);
  }

  #int32(field: number): number {
    return readInt32(this.source, this.position + field);
  }

  #int64(field: number): Int64 {
    return readInt64(this.source, this.position + field);
  }
}

/**
 * The whole batches in `bytes`, in order. Ends before a batch that is cut off, as the last one of a
 * fetch may be; throws MalformedError at one of another magic or of a size that can not be.
 */
export function* recordBatches(bytes: Uint8Array, from = 0): Generator<RecordBatch, void> {
  let at = from;
  while (bytes.length - at >= batchPrefixBytes) {
    const sizeBytes = readInt32(bytes, at + batchFields.batchLength) + batchOverheadBytes;
    const magic = bytes[at + batchFields.magic];
    if (magic !== currentMagic) throw new MalformedError(`batch of magic ${magic} at ${at}`);
    if (sizeBytes < batchHeaderBytes) {
      throw new MalformedError(`batch of ${sizeBytes} bytes at ${at}`);
    }
    if (sizeBytes > bytes.length - at) return;
    yield new RecordBatch(bytes, at);
    at += sizeBytes;
  }
}
