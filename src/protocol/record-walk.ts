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
    const { left } = this.#reader;
    if (left > 0) throw new MalformedError(`${left} bytes after the last record`);
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
    const reader = this.#reader;
    const sizeBytes = reader.varint();
    const start = reader.position;
    this.attributes = reader.int8();
    this.timestampDelta = reader.varlong();
    this.offsetDelta = reader.varint();
    this.keyBytes = reader.varint();
    this.keyPosition = reader.position;
    if (this.keyBytes > 0) reader.skip(this.keyBytes);
    this.valueBytes = reader.varint();
    this.valuePosition = reader.position;
    if (this.valueBytes > 0) reader.skip(this.valueBytes);
    this.headerCount = reader.varint();
    this.headersPosition = reader.position;
    if (this.headerCount !== 0) this.#skipHeaders();
    if (reader.position - start !== sizeBytes) {
      throw new MalformedError(`says ${sizeBytes} bytes, has ${reader.position - start}`);
    }
  }

  #skipHeaders(): void {
    const reader = this.#reader;
    if (this.headerCount < 0) throw new MalformedError(`${this.headerCount} headers`);
    for (let header = 0; header < this.headerCount; header++) {
      const keyBytes = reader.varint();
      if (keyBytes < 0) throw new MalformedError(`header ${header} has no key`);
      reader.skip(keyBytes);
      const valueBytes = reader.varint();
      if (valueBytes > 0) reader.skip(valueBytes);
    }
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
