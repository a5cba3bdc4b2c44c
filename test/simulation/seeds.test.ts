import { expect, test } from "vitest";
import { runSeed, type SeedReport } from "../../src/harness/simulation/run-seed.ts";
import { isFull } from "../../src/harness/simulation/totals.ts";

const isLong = process.env["XYLEM_LONG"] === "1";
const seedCount = isLong ? 10_000 : 200;
const seedsPerTest = 25;

/** What failed, and how to see it again. */
function failuresOf({ seed, complaints }: SeedReport): string[] {
  return complaints.map(({ checker, text }) => {
    return `npm run simulate -- --seed ${seed} --seeds 1: ${checker}: ${text}`;
  });
}

const firsts = Array.from({ length: seedCount / seedsPerTest }, (_, at) => at * seedsPerTest + 1);

test.each(firsts)("a broker under faults keeps every promise: 25 seeds from %i", async (first) => {
  const failures: string[] = [];
  const thin: number[] = [];
  for (let seed = first; seed < first + seedsPerTest; seed += 1) {
    const report = await runSeed({ seed });
    failures.push(...failuresOf(report));
    if (!isFull(report)) thin.push(seed);
  }
  expect(failures).toEqual([]);
  // A seed counts with 300 client operations, 8 faults and a minute of time.
  expect(thin.length).toBeLessThanOrEqual(2);
});

test("a seed is one run: again it does the same, another one does not", async () => {
  const first = await runSeed({ seed: 7 });
  const again = await runSeed({ seed: 7 });
  const other = await runSeed({ seed: 8 });
  expect(again.traceHash).toBe(first.traceHash);
  expect(again.history).toEqual(first.history);
  expect(other.traceHash).not.toBe(first.traceHash);
});
