import { assert } from "../base/assert.ts";
import { readInt64 } from "../base/bytes.ts";

/** How much of a run may be taken: batches below `upTo`, of at most so many bytes. */
export interface TakeLimits {
  readonly upTo: number;
  readonly sizeBytesMax: number;
}

/**
 * A run of whole batches in memory, as they lie in the log. Batches that are there never change or
 * move, so that views of them may be handed out while others are added behind. Whoever is handed
 * one leases the block until it is done with it: before that its memory is used for nothing else.
 */
export class TailBlock {
  readonly baseOffset: number;
  readonly #bytes: Uint8Array;
  readonly #isReusable: boolean;
  /** Where each batch begins. */
  readonly #positions: number[] = [];
  #filledBytes = 0;
  #endOffset: number;
  #leaseCount = 0;

  /** `bytes` is room for batches or, not `isReusable`, the one batch that is to be added. */
  constructor(bytes: Uint8Array, baseOffset: number, isReusable: boolean) {
    this.#bytes = bytes;
    this.#isReusable = isReusable;
    this.baseOffset = baseOffset;
    this.#endOffset = baseOffset;
  }

  /** The memory that this block keeps from being freed. */
  get backingBytes(): number {
    return this.#bytes.buffer.byteLength;
  }

  /** Its memory, for another block to be made of; undefined while somebody may read from it. */
  get reusable(): Uint8Array | undefined {
    return this.#isReusable && this.#leaseCount === 0 ? this.#bytes : undefined;
  }

  lease(): void {
    this.#leaseCount += 1;
  }

  release(): void {
    this.#leaseCount -= 1;
    assert(this.#leaseCount >= 0, "a block was released more often than leased");
  }

  get roomBytes(): number {
    return this.#bytes.length - this.#filledBytes;
  }

  /** After its last batch. */
  get endOffset(): number {
    return this.#endOffset;
  }

  get batchCount(): number {
    return this.#positions.length;
  }

  /** Puts a batch behind the others; without a copy where it is the block's own bytes. */
  add(batch: Uint8Array, endOffset: number): void {
    assert(
      batch.length <= this.roomBytes && endOffset > this.#endOffset,
      "a batch misses its block",
    );
    if (batch !== this.#bytes) this.#bytes.set(batch, this.#filledBytes);
    this.#positions.push(this.#filledBytes);
    this.#filledBytes += batch.length;
    this.#endOffset = endOffset;
  }

  /** Index of the batch that holds `offset`, which lies in the block. */
  indexOf(offset: number): number {
    const positions = this.#positions;
    let low = 0;
    let high = positions.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#baseOffsetOf(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Index after the last of the batches from `first` on that are within the limits. */
  lastWithin(first: number, { upTo, sizeBytesMax }: TakeLimits): number {
    let low = first;
    let high = upTo >= this.#endOffset ? this.batchCount : this.indexOf(upTo);
    const positionMax = this.#positionOf(first) + sizeBytesMax;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#positionOf(middle) <= positionMax) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The offset after the batch at `index`. */
  endOffsetOf(index: number): number {
    return index + 1 < this.batchCount ? this.#baseOffsetOf(index + 1) : this.#endOffset;
  }

  /** A view of the batches from index `first` up to, not with, `end`. */
  slice(first: number, end: number): Uint8Array {
    return this.#bytes.subarray(this.#positionOf(first), this.#positionOf(end));
  }

  #positionOf(index: number): number {
    return this.#positions[index] ?? this.#filledBytes;
  }

  #baseOffsetOf(index: number): number {
    return readInt64(this.#bytes, this.#positionOf(index)) as number;
  }
}
