import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BudgetedLog, type BudgetedStream, planBudget } from "./budget-plan.ts";

/** A log of closed segments, ten offsets each, and an active one of `activeBytes`. */
function log(
  segments: readonly (readonly [sizeBytes: number, newestMs: number])[],
  activeBytes = 0,
): BudgetedLog {
  const closed = segments.map(([sizeBytes, largestTimestampMs], at) => ({
    baseOffset: at * 10,
    endOffset: at * 10 + 10,
    sizeBytes,
    largestTimestampMs,
    modifiedMs: 0,
  }));
  const sizeBytes = closed.reduce((sum, segment) => sum + segment.sizeBytes, activeBytes);
  return { closed, sizeBytes, committed: segments.length * 10 };
}

const stream = (...logs: BudgetedLog[]): BudgetedStream => ({ logs });
const bytesOf = ({ logs }: BudgetedStream): number =>
  logs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

describe("budget plan", () => {
  test("within the budget nothing goes, past it the oldest of the largest stream", () => {
    const loud = stream(log([...Array(10).keys()].map((at) => [10, 100 + at])));
    const quiet = stream(log([[10, 1]]));
    expect(planBudget([loud, quiet], 110)).toEqual([[0], [0]]);
    expect(planBudget([loud, quiet], 109)).toEqual([[1], [0]]);
    expect(planBudget([loud, quiet], 40)).toEqual([[7], [0]]);
  });

  test("of a stream's partitions the one with the oldest segment gives first", () => {
    const one = stream(
      log([
        [10, 5],
        [10, 50],
      ]),
      log([
        [10, 1],
        [10, 6],
        [10, 60],
      ]),
    );
    expect(planBudget([one], 45)).toEqual([[0, 1]]);
    expect(planBudget([one], 30)).toEqual([[1, 1]]);
    expect(planBudget([one], 20)).toEqual([[1, 2]]);
  });

  test("what is active, not committed, or most of a share stays", () => {
    expect(planBudget([stream(log([], 100))], 10)).toEqual([[0]]);
    expect(
      planBudget(
        [
          stream({
            ...log([
              [10, 1],
              [10, 2],
            ]),
            committed: 15,
          }),
        ],
        5,
      ),
    ).toEqual([[1]]);
    expect(planBudget([stream(log([[60, 1]], 20))], 50)).toEqual([[0]]);
    expect(planBudget([stream(log([[60, 1]], 25))], 50)).toEqual([[1]]);
  });

  const sizes = fc.integer({ min: 1, max: 40 });
  const logs = fc
    .tuple(fc.array(fc.tuple(sizes, sizes), { maxLength: 8 }), fc.integer({ min: 0, max: 40 }))
    .map(([segments, activeBytes]) => log(segments, activeBytes));
  const streams = fc.array(
    fc.array(logs, { minLength: 1, maxLength: 3 }).map((all) => stream(...all)),
    { minLength: 1, maxLength: 6 },
  );

  test("the budget holds, or only what may not go is left; who had little keeps it", () => {
    const check = fc.property(streams, fc.integer({ min: 0, max: 600 }), (all, budget) => {
      const plan = planBudget(all, budget);
      const share = budget / all.length;
      let left = 0;
      for (const [at, one] of all.entries()) {
        const taken = one.logs.map(({ closed }, index) => closed.slice(0, plan[at]![index]));
        const before = bytesOf(one);
        const after = before - taken.flat().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        left += after;
        expect(after).toBeGreaterThanOrEqual(Math.min(before, share / 2));
        expect(before <= share ? taken.flat() : []).toEqual([]);
      }
      const total = all.reduce((sum, one) => sum + bytesOf(one), 0);
      expect(left).toBe(total <= budget ? total : left);
      if (left <= budget) return;
      for (const [at, one] of all.entries()) expectSpent(one, plan[at]!, share);
    });
    fc.assert(check, { numRuns: 500 });
  });

  /** Nothing more of it may go: its next segment is too large, or it is within its share. */
  function expectSpent({ logs: own }: BudgetedStream, counts: readonly number[], share: number) {
    const cut = own.map(({ closed }, at) => closed.slice(counts[at]));
    const next = cut.flatMap(([first]) => (first === undefined ? [] : [first]));
    const [oldest] = next.toSorted((a, b) => a.largestTimestampMs - b.largestTimestampMs);
    const taken = own.flatMap(({ closed }, at) => closed.slice(0, counts[at]));
    const left = bytesOf({ logs: own }) - taken.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const mayGo = oldest !== undefined && left > share && left - oldest.sizeBytes >= share / 2;
    expect(mayGo).toBe(false);
  }
});
