import { assert } from "../base/assert.ts";
import { readInt32, writeInt32 } from "../base/bytes.ts";

/** int32 offset - base offset, int32 position. */
export const offsetEntryBytes = 8;

/** Where an indexed batch begins, and its last offset; position 0 and -1 without one. */
export interface IndexedPlace {
  readonly position: number;
  readonly entryOffset: number;
}

/**
 * A segment's sparse map from offset to file position. An entry names the last offset of a batch
 * and the position where that batch starts; both ascend strictly.
 */
export class OffsetIndex {
  readonly baseOffset: number;
  /** Pairs of relative offset and position. */
  #entries: Int32Array;
  #count = 0;

  constructor(baseOffset: number, countExpected = 0) {
    this.baseOffset = baseOffset;
    this.#entries = new Int32Array(countExpected * 2);
  }

  get count(): number {
    return this.#count;
  }

  /** Memory held, for budgets. */
  get sizeBytes(): number {
    return this.#entries.byteLength;
  }

  /** Position of the last indexed batch; 0 without entries. */
  get lastPosition(): number {
    return this.#count === 0 ? 0 : (this.#entries[this.#count * 2 - 1] as number);
  }

  /** Last offset of the last indexed batch; -1 without entries. */
  get lastOffset(): number {
    if (this.#count === 0) return -1;
    return this.baseOffset + (this.#entries[this.#count * 2 - 2] as number);
  }

  append(offset: number, position: number): void {
    const relative = offset - this.baseOffset;
    assert(relative >= 0 && relative <= 0x7fffffff, `offset ${offset} is outside its segment`);
    assert(this.#count === 0 || offset > this.lastOffset, "indexed offsets ascend");
    if (this.#count * 2 === this.#entries.length) {
      const larger = new Int32Array(Math.max(16, this.#entries.length * 2));
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.#count * 2] = relative;
    this.#entries[this.#count * 2 + 1] = position;
    this.#count += 1;
  }

  /** Where a scan for the batch that holds `offset` starts: never past that batch. */
  findPosition(offset: number): number {
    return this.findEntry(offset).position;
  }

  findEntry(offset: number): IndexedPlace {
    const relative = offset - this.baseOffset;
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle * 2] as number) <= relative) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return { position: 0, entryOffset: -1 };
    const position = this.#entries[low * 2 - 1] as number;
    return { position, entryOffset: this.baseOffset + (this.#entries[low * 2 - 2] as number) };
  }

  /** The first indexed position above `position`; undefined when there is none. */
  findPositionAfter(position: number): number | undefined {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle * 2 + 1] as number) <= position) low = middle + 1;
      else high = middle;
    }
    return low === this.#count ? undefined : (this.#entries[low * 2 + 1] as number);
  }

  /** Drops the entries of batches that start at or after `position`. */
  truncateToPosition(position: number): void {
    while (this.#count > 0 && this.lastPosition >= position) this.#count -= 1;
  }

  /** The file's bytes from entry `first` on. */
  toBytes(first = 0): Uint8Array {
    const bytes = new Uint8Array((this.#count - first) * offsetEntryBytes);
    for (let index = first * 2; index < this.#count * 2; index += 1) {
      writeInt32(bytes, (index - first * 2) * 4, this.#entries[index] as number);
    }
    return bytes;
  }

  /**
   * Reads a file for a log of `logSizeBytes`. Ends at the first entry that can not follow the one
   * before, such as the zeros of a file that was never trimmed: what is missing is found by
   * scanning. `isWhole` false: the file holds something else than its entries.
   */
  static parse(
    baseOffset: number,
    bytes: Uint8Array,
    logSizeBytes: number,
  ): { index: OffsetIndex; isWhole: boolean } {
    const count = Math.floor(bytes.length / offsetEntryBytes);
    const index = new OffsetIndex(baseOffset, count);
    for (let entry = 0; entry < count; entry += 1) {
      const relative = readInt32(bytes, entry * offsetEntryBytes);
      const position = readInt32(bytes, entry * offsetEntryBytes + 4);
      const follows = entry === 0 || baseOffset + relative > index.lastOffset;
      if (relative < 0 || !follows || position <= index.lastPosition || position >= logSizeBytes) {
        return { index, isWhole: false };
      }
      index.append(baseOffset + relative, position);
    }
    return { index, isWhole: count * offsetEntryBytes === bytes.length };
  }
}
