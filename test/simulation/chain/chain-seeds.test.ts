import { expect, test } from "vitest";
import { runChainSeed } from "./run-chain-seed.ts";

const isLong = process.env["XYLEM_LONG"] === "1";
const seedCount = isLong ? 20_000 : 200;
const seedsPerTest = 50;

const firsts = Array.from({ length: seedCount / seedsPerTest }, (_, at) => at * seedsPerTest + 1);

test.each(firsts)("a chain under faults keeps every promise: 50 schedules from %i", (first) => {
  const failures: string[] = [];
  const thin: number[] = [];
  for (let seed = first; seed < first + seedsPerTest; seed += 1) {
    const { violation, isFull } = runChainSeed(seed);
    const again = `npm run simulate -- --chains 1 --seed ${seed}`;
    if (violation !== undefined) failures.push(`${again}: ${violation}`);
    if (!isFull) thin.push(seed);
  }
  expect(failures).toEqual([]);
  // A schedule counts with 100 client requests and 8 faults.
  expect(thin.length).toBeLessThanOrEqual(5);
});

test("a schedule repeats event by event, and another seed is another schedule", () => {
  const first = runChainSeed(11, 100_000);
  expect(runChainSeed(11, 100_000).lines).toEqual(first.lines);
  expect(runChainSeed(12, 100_000).lines).not.toEqual(first.lines);
  expect(first.lines.length).toBeGreaterThan(200);
});
