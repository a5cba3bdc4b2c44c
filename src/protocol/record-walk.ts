import { ByteReader, type Int64, narrowInt64 } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";

/** An absent key or value: its size. */
export const nullSize = -1;

/**
 * Goes through the records of a batch, uncompressed, without making an object for any: `next()`
 * sets the fields to the next record. Throws MalformedError, which names the record's index, on
 * anything that is not as records.md says. `finish()` refuses bytes behind the last record.
 */
export class RecordWalk {
  /** Index of the current record; -1 before the first. */
  index = -1;
  attributes = 0;
  timestampDelta: Int64 = 0;
  offsetDelta = 0;
  keyPosition = 0;
  /** nullSize when there is no key. */
  keyBytes = nullSize;
  valuePosition = 0;
  /** nullSize when there is no value. */
  valueBytes = nullSize;
  headerCount = 0;
  headersPosition = 0;
  readonly source: Uint8Array;
  readonly #reader: ByteReader;
  #position = 0;
  readonly #recordCount: number;

  constructor(records: Uint8Array, recordCount: number) {
    this.source = records;
    this.#reader = new ByteReader(records);
    this.#recordCount = recordCount;
  }

  /** Whether there was one more record. */
  next(): boolean {
    if (this.index + 1 >= this.#recordCount) return false;
    this.index++;
    try {
      this.#read();
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      throw new MalformedError(`record ${this.index}: ${error.message}`, { cause: error });
    }
    return true;
  }

  finish(): void {
    const left = this.source.length - this.#position;
    if (left > 0) throw new MalformedError(`${left} bytes after the last record`);
  }

  /** Of the first byte behind the current record. */
  get position(): number {
    return this.#position;
  }

  /** Null, or a view. */
  get key(): Uint8Array | null {
    return this.#view(this.keyPosition, this.keyBytes);
  }

  /** Null, or a view. */
  get value(): Uint8Array | null {
    return this.#view(this.valuePosition, this.valueBytes);
  }

  #view(position: number, sizeBytes: number): Uint8Array | null {
    return sizeBytes < 0 ? null : this.source.subarray(position, position + sizeBytes);
  }

  #read(): void {
    const sizeBytes = this.#varint();
    const start = this.#position;
    this.attributes = this.source[this.#skip(1)] as number;
    this.timestampDelta = this.#varlong();
    this.offsetDelta = this.#varint();
    this.keyBytes = this.#varint();
    this.keyPosition = this.#skip(this.keyBytes);
    this.valueBytes = this.#varint();
    this.valuePosition = this.#skip(this.valueBytes);
    this.headerCount = this.#varint();
    this.headersPosition = this.#position;
    if (this.headerCount !== 0) this.#skipHeaders();
    if (this.#position - start !== sizeBytes) {
      throw new MalformedError(`says ${sizeBytes} bytes, has ${this.#position - start}`);
    }
  }

  #skipHeaders(): void {
    if (this.headerCount < 0) throw new MalformedError(`${this.headerCount} headers`);
    for (let header = 0; header < this.headerCount; header++) {
      const keyBytes = this.#varint();
      if (keyBytes < 0) throw new MalformedError(`header ${header} has no key`);
      this.#skip(keyBytes);
      this.#skip(this.#varint());
    }
  }

  /** Position of what is skipped; a negative size is null and takes no bytes. */
  #skip(sizeBytes: number): number {
    const at = this.#position;
    if (sizeBytes <= 0) return at;
    if (sizeBytes > this.source.length - at) {
      throw new MalformedError(`${sizeBytes} bytes wanted, ${this.source.length - at} left`);
    }
    this.#position = at + sizeBytes;
    return at;
  }

  /** One and two bytes here, which nearly all are; a missing byte is no number below 128. */
  #varint(): number {
    const at = this.#position;
    const first = this.source[at] as number;
    if (first < 0x80) {
      this.#position = at + 1;
      return (first >>> 1) ^ -(first & 1);
    }
    const second = this.source[at + 1] as number;
    if (second < 0x80) {
      this.#position = at + 2;
      return (((first & 0x7f) | (second << 7)) >>> 1) ^ -(first & 1);
    }
    const value = this.#readerHere().varint();
    this.#position = this.#reader.position;
    return value;
  }

  #varlong(): Int64 {
    const at = this.#position;
    const isShort = (this.source[at] as number) < 0x80 || (this.source[at + 1] as number) < 0x80;
    if (isShort) return this.#varint();
    const value = this.#readerHere().varlong();
    this.#position = this.#reader.position;
    return value;
  }

  #readerHere(): ByteReader {
    this.#reader.position = this.#position;
    return this.#reader;
  }
}

/** What a topic asks of each record that a client sends. */
export interface RecordRules {
  readonly baseTimestamp: Int64;
  /** A compacted topic takes no record without a key. */
  readonly isKeyRequired: boolean;
  /** Bounds of a timestamp, both allowed; -1 always is. Infinities: not checked. */
  readonly timestampMsMin: number;
  readonly timestampMsMax: number;
}

export interface RefusedRecord {
  readonly index: number;
  readonly reason: "noKey" | "timestamp";
}

export interface RecordFindings {
  /** The largest timestamp of a record, -1 when there is no record. */
  readonly maxTimestamp: Int64;
  /** Offset delta of the first record that has it. */
  readonly maxTimestampOffsetDelta: number;
  /** Offset deltas are 0, 1, 2, … as a producer must number them. */
  readonly isSequential: boolean;
  /** The first of the refused ones. */
  readonly refused: readonly RefusedRecord[];
}

/** More refused records than this are not named one by one. */
export const refusedCountMax = 1_000;

/**
 * Walks all records (semantics.md 2, check 17). Throws MalformedError for what is no record or is
 * left over.
 */
export function inspectRecords(
  records: Uint8Array,
  recordCount: number,
  rules: RecordRules,
): RecordFindings {
  const walk = new RecordWalk(records, recordCount);
  const refused: RefusedRecord[] = [];
  let maxTimestamp: Int64 = -1;
  let maxTimestampOffsetDelta = 0;
  let isSequential = true;
  while (walk.next()) {
    const timestamp = addTimestamps(rules.baseTimestamp, walk.timestampDelta);
    if (timestamp > maxTimestamp) {
      maxTimestamp = timestamp;
      maxTimestampOffsetDelta = walk.offsetDelta;
    }
    if (walk.offsetDelta !== walk.index) isSequential = false;
    const reason = reasonToRefuse(walk, timestamp, rules);
    if (reason && refused.length < refusedCountMax) refused.push({ index: walk.index, reason });
  }
  walk.finish();
  return { maxTimestamp, maxTimestampOffsetDelta, isSequential, refused };
}

function reasonToRefuse(
  walk: RecordWalk,
  timestamp: Int64,
  rules: RecordRules,
): RefusedRecord["reason"] | undefined {
  if (rules.isKeyRequired && walk.keyBytes < 0) return "noKey";
  const isInBounds = timestamp >= rules.timestampMsMin && timestamp <= rules.timestampMsMax;
  return isInBounds || timestamp === -1 ? undefined : "timestamp";
}

/** A record's timestamp, exact beyond 2^53 too; wraps at 64 bits as Kafka's does. */
export function addTimestamps(base: Int64, delta: Int64): Int64 {
  if (typeof base === "number" && typeof delta === "number") {
    const timestamp = base + delta;
    if (Number.isSafeInteger(timestamp)) return timestamp;
  }
  return narrowInt64(BigInt.asIntN(64, BigInt(base) + BigInt(delta)));
}
