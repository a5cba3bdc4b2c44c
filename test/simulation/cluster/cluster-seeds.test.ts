import { expect, test } from "vitest";
import { drawClusterPlay } from "../../../src/harness/simulation/cluster/cluster-play.ts";
import { runClusterSeed } from "../../../src/harness/simulation/cluster/run-cluster-seed.ts";
import type { SeedReport } from "../../../src/harness/simulation/run-seed.ts";
import { isFull } from "../../../src/harness/simulation/totals.ts";

const isLong = process.env["XYLEM_LONG"] === "1";
const seedCount = isLong ? 2_000 : 200;
const seedsPerTest = 10;
/** Of all chains of ten seeds; they wait for a person, and nobody judges them. */
const leftToAHandMax = 1;

/** What failed, and how to see it again. */
function failuresOf({ seed, complaints }: SeedReport): string[] {
  return complaints.map(({ checker, text }) => {
    return `npm run simulate -- --seed ${seed} --cluster 1: ${checker}: ${text}`;
  });
}

let leftToAHand = 0;
const firsts = Array.from({ length: seedCount / seedsPerTest }, (_, at) => at * seedsPerTest + 1);

test.each(firsts)("a cluster under faults keeps every promise: 10 seeds from %i", async (first) => {
  const failures: string[] = [];
  const thin: number[] = [];
  for (let seed = first; seed < first + seedsPerTest; seed += 1) {
    const report = await runClusterSeed({ seed });
    failures.push(...failuresOf(report));
    if (!isFull(report)) thin.push(seed);
    leftToAHand += report.faults.get("left to a hand") ?? 0;
  }
  expect(failures).toEqual([]);
  // A seed counts with 300 client operations, 8 faults and a minute of time.
  expect(thin).toEqual([]);
});

test("few chains need a hand in the end", () => {
  expect(leftToAHand).toBeLessThanOrEqual(firsts.length * leftToAHandMax);
});

/** Those that lost something before nodes told what they know better than the backup. */
test("a coordinator that goes back in time costs nothing that was acknowledged", async () => {
  const failures: string[] = [];
  for (const seed of [9, 16, 37]) {
    const play = { ...drawClusterPlay(seed), restoresCoordinator: true };
    failures.push(...failuresOf(await runClusterSeed({ seed, play })));
  }
  expect(failures).toEqual([]);
});

test("a seed is one run of a cluster: again it does the same, another one does not", async () => {
  const first = await runClusterSeed({ seed: 7 });
  const again = await runClusterSeed({ seed: 7 });
  const other = await runClusterSeed({ seed: 8 });
  expect(again.traceHash).toBe(first.traceHash);
  expect(again.history).toEqual(first.history);
  expect(other.traceHash).not.toBe(first.traceHash);
});
