import { assert } from "../base/assert.ts";
import { XylemError } from "../base/errors.ts";

/** Bytes that the files of one memory disk may take together. */
export class MemoryBudget {
  readonly #sizeBytesMax: number;
  #usedBytes = 0;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Throws DISK_FULL, having taken nothing. */
  take(sizeBytes: number): void {
    if (this.#usedBytes + sizeBytes > this.#sizeBytesMax) {
      throw new XylemError("DISK_FULL", `the memory store is full (${this.#sizeBytesMax} bytes)`);
    }
    this.#usedBytes += sizeBytes;
  }

  giveBack(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes;
    assert(this.#usedBytes >= 0, "more memory given back than was taken");
  }
}
