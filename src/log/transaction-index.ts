import { assert } from "../base/assert.ts";
import { type Int64, readInt64, writeInt64 } from "../base/bytes.ts";

/** int16 version, int64 producer id, first offset, last offset, last stable offset. */
export const transactionEntryBytes = 34;

const fields = { producerId: 2, firstOffset: 10, lastOffset: 18, lastStableOffset: 26 } as const;

/** A transaction that was aborted, as `.txnindex` keeps it (records.md). */
export interface AbortedTransaction {
  readonly producerId: Int64;
  /** Of its first record in this partition. */
  readonly firstOffset: number;
  /** Of its ABORT marker. */
  readonly lastOffset: number;
  /** Where it left the last stable offset: transactions that end later begin there or above. */
  readonly lastStableOffset: number;
}

const empty = new Uint8Array(0);

/**
 * The aborted transactions whose markers lie in one segment, by ascending marker; packed as they
 * are in the file.
 */
export class TransactionIndex {
  #bytes: Uint8Array;
  #count: number;

  constructor(entries: readonly AbortedTransaction[] = []) {
    this.#bytes = empty;
    this.#count = 0;
    for (const entry of entries) this.append(entry);
  }

  get count(): number {
    return this.#count;
  }

  /** Memory held, for budgets. */
  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** Marker of the last entry; -1 without entries. */
  get lastOffset(): number {
    return this.#count === 0 ? -1 : this.#offsetAt(this.#count - 1, fields.lastOffset);
  }

  append(entry: AbortedTransaction): void {
    assert(entry.lastOffset > this.lastOffset, "markers ascend");
    const at = this.#count * transactionEntryBytes;
    if (at === this.#bytes.length) this.#grow();
    writeInt64(this.#bytes, at + fields.producerId, entry.producerId);
    writeInt64(this.#bytes, at + fields.firstOffset, entry.firstOffset);
    writeInt64(this.#bytes, at + fields.lastOffset, entry.lastOffset);
    writeInt64(this.#bytes, at + fields.lastStableOffset, entry.lastStableOffset);
    this.#count += 1;
  }

  entries(): AbortedTransaction[] {
    return Array.from({ length: this.#count }, (_, index) => this.#entryAt(index));
  }

  /**
   * Adds to `found` what overlaps the offsets [from, to). Answers whether later segments can hold
   * no more of it.
   */
  collect(from: number, to: number, found: AbortedTransaction[]): boolean {
    for (let index = this.#findMarker(from); index < this.#count; index += 1) {
      const entry = this.#entryAt(index);
      if (entry.firstOffset < to) found.push(entry);
      if (entry.lastStableOffset >= to) return true;
    }
    return false;
  }

  /** Drops the entries whose markers lie at or above `offset`. */
  truncateToOffset(offset: number): void {
    this.#count = this.#findMarker(offset);
  }

  /** The file's bytes from entry `first` on. */
  toBytes(first = 0): Uint8Array {
    const end = this.#count * transactionEntryBytes;
    return this.#bytes.slice(first * transactionEntryBytes, end);
  }

  /**
   * Reads the file of a segment that holds the offsets [baseOffset, endOffset). `isWhole` false: an
   * entry can not be true, or the last one is cut off; the index ends before it.
   */
  static parse(
    bytes: Uint8Array,
    bounds: { readonly baseOffset: number; readonly endOffset: number },
  ): { index: TransactionIndex; isWhole: boolean } {
    const count = Math.floor(bytes.length / transactionEntryBytes);
    const index = new TransactionIndex();
    index.#bytes = bytes;
    for (let entry = 0; entry < count; entry += 1) {
      if (
        !isPlausible(bytes, entry * transactionEntryBytes, { ...bounds, after: index.lastOffset })
      )
        return { index: index.#copy(), isWhole: false };
      index.#count += 1;
    }
    const isWhole = count * transactionEntryBytes === bytes.length;
    return { index: index.#copy(), isWhole };
  }

  /** Of its own bytes: those of a file are not to be changed. */
  #copy(): TransactionIndex {
    this.#bytes = this.toBytes();
    return this;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(16 * transactionEntryBytes, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** The first entry whose marker lies at or above `offset`. */
  #findMarker(offset: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#offsetAt(middle, fields.lastOffset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #entryAt(index: number): AbortedTransaction {
    return {
      producerId: readInt64(this.#bytes, index * transactionEntryBytes + fields.producerId),
      firstOffset: this.#offsetAt(index, fields.firstOffset),
      lastOffset: this.#offsetAt(index, fields.lastOffset),
      lastStableOffset: this.#offsetAt(index, fields.lastStableOffset),
    };
  }

  #offsetAt(index: number, field: number): number {
    return Number(readInt64(this.#bytes, index * transactionEntryBytes + field));
  }
}

function isPlausible(
  bytes: Uint8Array,
  at: number,
  bounds: { readonly baseOffset: number; readonly endOffset: number; readonly after: number },
): boolean {
  const version = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  const producerId = readInt64(bytes, at + fields.producerId);
  const firstOffset = readInt64(bytes, at + fields.firstOffset);
  const lastOffset = readInt64(bytes, at + fields.lastOffset);
  const lastStableOffset = readInt64(bytes, at + fields.lastStableOffset);
  if (version !== 0 || producerId < 0 || typeof lastStableOffset === "bigint") return false;
  if (typeof firstOffset === "bigint" || typeof lastOffset === "bigint") return false;
  if (lastOffset < bounds.baseOffset || lastOffset >= bounds.endOffset) return false;
  const ascends = firstOffset >= 0 && firstOffset < lastOffset && lastOffset > bounds.after;
  return ascends && lastStableOffset >= 0 && lastStableOffset <= lastOffset + 1;
}
