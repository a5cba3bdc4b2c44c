import { assert } from "../base/assert.ts";
import { readInt32, readInt64, writeInt32, writeInt64 } from "../base/bytes.ts";

/** int64 timestamp, int32 offset - base offset. */
export const timeEntryBytes = 12;

export interface TimeEntry {
  readonly timestampMs: number;
  readonly offset: number;
}

/**
 * A segment's sparse map from time to offset: no batch up to and including `offset` has a larger
 * timestamp. Timestamps ascend strictly, offsets ascend.
 */
export class TimeIndex {
  readonly baseOffset: number;
  #timestamps: Float64Array;
  #relatives: Int32Array;
  #count = 0;

  constructor(baseOffset: number, countExpected = 0) {
    this.baseOffset = baseOffset;
    this.#timestamps = new Float64Array(countExpected);
    this.#relatives = new Int32Array(countExpected);
  }

  get count(): number {
    return this.#count;
  }

  /** The largest timestamp known, and the offset that has it; undefined without entries. */
  get last(): TimeEntry | undefined {
    return this.#count === 0 ? undefined : this.#entryAt(this.#count - 1);
  }

  /** Adds the entry when its timestamp is larger than the last one's. */
  appendIfLater(timestampMs: number, offset: number): void {
    const last = this.#count - 1;
    if (this.#count > 0 && timestampMs <= (this.#timestamps[last] as number)) return;
    const relative = offset - this.baseOffset;
    assert(relative >= 0 && relative <= 0x7fffffff, `offset ${offset} is outside its segment`);
    assert(this.#count === 0 || relative >= (this.#relatives[last] as number), "offsets ascend");
    if (this.#count === this.#timestamps.length) this.#grow();
    this.#timestamps[this.#count] = timestampMs;
    this.#relatives[this.#count] = relative;
    this.#count += 1;
  }

  /** The last entry at or before `timestampMs`: no record up to its offset is later. */
  findEntry(timestampMs: number): TimeEntry | undefined {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timestamps[middle] as number) <= timestampMs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.#entryAt(low - 1);
  }

  /** Drops the entries for `offset` and what follows it. */
  truncateToOffset(offset: number): void {
    while (this.#count > 0 && this.#entryAt(this.#count - 1).offset >= offset) this.#count -= 1;
  }

  /** The file's bytes from entry `first` on. */
  toBytes(first = 0): Uint8Array {
    const bytes = new Uint8Array((this.#count - first) * timeEntryBytes);
    for (let index = first; index < this.#count; index += 1) {
      const at = (index - first) * timeEntryBytes;
      writeInt64(bytes, at, this.#timestamps[index] as number);
      writeInt32(bytes, at + 8, this.#relatives[index] as number);
    }
    return bytes;
  }

  /** As OffsetIndex.parse: ends at the first entry that can not follow the one before. */
  static parse(baseOffset: number, bytes: Uint8Array): { index: TimeIndex; isWhole: boolean } {
    const count = Math.floor(bytes.length / timeEntryBytes);
    const index = new TimeIndex(baseOffset, count);
    for (let entry = 0; entry < count; entry += 1) {
      const timestampMs = readInt64(bytes, entry * timeEntryBytes);
      const relative = readInt32(bytes, entry * timeEntryBytes + 8);
      if (typeof timestampMs === "bigint" || !index.#canFollow(timestampMs, relative)) {
        return { index, isWhole: false };
      }
      index.appendIfLater(timestampMs, baseOffset + relative);
    }
    return { index, isWhole: count * timeEntryBytes === bytes.length };
  }

  #canFollow(timestampMs: number, relative: number): boolean {
    if (timestampMs < 0 || relative < 0) return false;
    const last = this.last;
    if (last === undefined) return true;
    return timestampMs > last.timestampMs && this.baseOffset + relative >= last.offset;
  }

  #entryAt(index: number): TimeEntry {
    return {
      timestampMs: this.#timestamps[index] as number,
      offset: this.baseOffset + (this.#relatives[index] as number),
    };
  }

  #grow(): void {
    const capacity = Math.max(8, this.#timestamps.length * 2);
    const timestamps = new Float64Array(capacity);
    timestamps.set(this.#timestamps);
    this.#timestamps = timestamps;
    const relatives = new Int32Array(capacity);
    relatives.set(this.#relatives);
    this.#relatives = relatives;
  }
}
