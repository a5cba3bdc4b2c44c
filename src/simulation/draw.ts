import { assert } from "../base/assert.ts";
import type { Random } from "../base/random.ts";

/** A whole number from `min` to `max`, both included. */
export function drawBetween(random: Random, min: number, max: number): number {
  assert(min <= max, "a range to draw from is not empty");
  return min + (random.nextUint32() % (max - min + 1));
}

/** Yes, once in so many times. */
export function drawOneIn(random: Random, times: number): boolean {
  return random.nextUint32() % times === 0;
}
export function drawOf<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random.nextUint32() % items.length];
  assert(item !== undefined, "there is something to draw from");
  return item;
}
