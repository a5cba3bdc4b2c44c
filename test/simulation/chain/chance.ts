import { SeededRandom } from "../../../src/base/seeded-random.ts";

/** The one source of chance of a schedule. */
export class Chance {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    // Neighbouring seeds begin far apart.
    this.#random = new SeededRandom(Math.imul(seed + 1, 0x9e3779b1));
  }

  /** In [0, 1). */
  next(): number {
    return this.#random.nextUint32() / 2 ** 32;
  }

  is(probability: number): boolean {
    return this.next() < probability;
  }

  /** Both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  of<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)] as Item;
  }
}
