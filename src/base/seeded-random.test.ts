import { expect, test } from "vitest";
import { SeededRandom } from "./seeded-random.ts";

test("equal seeds give equal runs, other seeds other ones", () => {
  const draw = (seed: number): string => {
    const random = new SeededRandom(seed);
    return [random.nextUint32(), random.nextUint32(), ...random.bytes(4)].join();
  };
  expect(draw(7)).toBe(draw(7));
  expect(draw(7)).not.toBe(draw(8));
});

test("numbers fill the whole range evenly", () => {
  const random = new SeededRandom(1);
  const buckets = Array.from({ length: 16 }, () => 0);
  for (let count = 0; count < 16_000; count += 1) {
    const bucket = random.nextUint32() >>> 28;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  expect(Math.min(...buckets)).toBeGreaterThan(850);
  expect(Math.max(...buckets)).toBeLessThan(1_150);
});
