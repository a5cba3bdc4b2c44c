import fc from "fast-check";
import { expect, test } from "vitest";
import { findCommonEnd, isBeforeUncleanStart, mayBeOneLog, type EpochEnd } from "./epoch-table.ts";

test("the common end is the smaller end of the greatest epoch that both logs have", () => {
  const own = [
    { epoch: 1, endOffset: 10 },
    { epoch: 3, endOffset: 20 },
    { epoch: 5, endOffset: 25 },
  ];
  const other = [
    { epoch: 1, endOffset: 10 },
    { epoch: 3, endOffset: 17 },
    { epoch: 4, endOffset: 30 },
  ];
  expect(findCommonEnd(own, other)).toEqual({ epoch: 3, offset: 17 });
  expect(findCommonEnd(other, own)).toEqual({ epoch: 3, offset: 17 });
  expect(findCommonEnd(own, [{ epoch: 2, endOffset: 9 }])).toBeUndefined();
  expect(findCommonEnd([], own)).toBeUndefined();
});

test("a log without records is old after an unclean start, and not where there was none", () => {
  expect(isBeforeUncleanStart([], 0)).toBe(false);
  expect(isBeforeUncleanStart([], 4)).toBe(true);
  expect(isBeforeUncleanStart([{ epoch: 3, endOffset: 9 }], 4)).toBe(true);
  expect(isBeforeUncleanStart([{ epoch: 4, endOffset: 9 }], 4)).toBe(false);
});

/** A log as the epochs of its records. */
function tableOf(log: readonly number[]): EpochEnd[] {
  return log.flatMap((epoch, offset) => {
    return log[offset + 1] === epoch ? [] : [{ epoch, endOffset: offset + 1 }];
  });
}

test("logs that part from a common beginning are equal up to their common end", () => {
  const counts = fc.array(fc.nat(4), { maxLength: 4 });
  fc.assert(
    fc.property(counts, counts, counts, (before, left, right) => {
      // A head gives offsets in its own epoch only: apart, two logs have no epoch in common.
      const grow = (sizes: readonly number[], epochOf: (at: number) => number): number[] =>
        sizes.flatMap((size, at) => Array.from({ length: size }, () => epochOf(at)));
      const common = grow(before, (at) => at + 1);
      const one = [...common, ...grow(left, (at) => 100 + 2 * at)];
      const other = [...common, ...grow(right, (at) => 101 + 2 * at)];
      const found = findCommonEnd(tableOf(one), tableOf(other));
      expect(found?.offset ?? 0).toBe(common.length);
    }),
  );
});

/** As compaction may leave it: an epoch begins with the first record that this log ever had. */
function thinned(log: readonly number[], isKept: readonly boolean[]): EpochEnd[] {
  const starts = log.flatMap((epoch, offset) => (isKept[offset] ? [{ epoch, offset }] : []));
  const firsts = starts.filter(({ epoch }, at) => starts[at - 1]?.epoch !== epoch);
  return firsts.map(({ epoch }, at) => ({
    epoch,
    endOffset: firsts[at + 1]?.offset ?? log.length,
  }));
}

test("what compaction has left of one log on two nodes may be one log", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 });
  const kept = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(sizes, kept, kept, (counts, left, right) => {
      const log = counts.flatMap((count, at) => Array.from({ length: count }, () => at + 1));
      const [one, other] = [thinned(log, left), thinned(log, right)];
      expect(other.length === 0 || mayBeOneLog(one, other, log.length)).toBe(true);
    }),
  );
});

test("it is not where other records are below what was committed, or none", () => {
  const own = [
    { epoch: 2, endOffset: 50 },
    { epoch: 3, endOffset: 100 },
  ];
  const lost = { epoch: 2, endOffset: 50 };
  expect(mayBeOneLog(own, [lost, { epoch: 4, endOffset: 120 }], 100)).toBe(false);
  expect(mayBeOneLog(own, [lost], 100)).toBe(false);
  const later = [
    { epoch: 2, endOffset: 40 },
    { epoch: 4, endOffset: 120 },
  ];
  expect(mayBeOneLog(own, later, 100)).toBe(false);
  // What was never committed may be anything.
  expect(mayBeOneLog(own, [lost, { epoch: 4, endOffset: 120 }], 50)).toBe(true);
});
