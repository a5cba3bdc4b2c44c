import type { Random } from "../base/random.ts";

// An import statement would load WebCrypto with it: twice the time, and nobody uses it here.
const { randomFillSync } = process.getBuiltinModule("node:crypto");

/** Drawn a page at a time: one call into the generator costs as much as thousands of numbers. */
const poolCount = 1_024;

/** The machine's cryptographic randomness. */
export class SystemRandom implements Random {
  readonly #pool = new Uint32Array(poolCount);
  #used = poolCount;

  nextUint32(): number {
    if (this.#used === poolCount) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const value = this.#pool[this.#used] ?? 0;
    this.#pool[this.#used] = 0;
    this.#used += 1;
    return value;
  }

  bytes(count: number): Uint8Array {
    return randomFillSync(new Uint8Array(count));
  }
}
