import { describe, expect, test } from "vitest";
import { LeaderEpochs } from "./leader-epochs.ts";

const log = (): LeaderEpochs => {
  const epochs = new LeaderEpochs();
  for (const [epoch, start] of [
    [1, 0],
    [2, 10],
    [4, 20],
  ] as const) {
    epochs.assign(epoch, start);
  }
  return epochs;
};

describe("the epochs of a log (KIP-101)", () => {
  test("end where the next one begins, the last one with the log", () => {
    expect(log().ends({ logStart: 0, end: 25 })).toEqual([
      { epoch: 1, endOffset: 10 },
      { epoch: 2, endOffset: 20 },
      { epoch: 4, endOffset: 25 },
    ]);
  });

  test("that have no record, deleted ones included, are left out", () => {
    const epochs = log();
    expect(epochs.ends({ logStart: 0, end: 20 }).map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(epochs.ends({ logStart: 10, end: 25 }).map(({ epoch }) => epoch)).toEqual([2, 4]);
    epochs.cutStart(15);
    expect(epochs.ends({ logStart: 15, end: 25 })).toEqual([
      { epoch: 2, endOffset: 20 },
      { epoch: 4, endOffset: 25 },
    ]);
    expect(epochs.ends({ logStart: 25, end: 25 })).toEqual([]);
  });

  test("go when the log is truncated at or below where they begin", () => {
    for (const [end, kept] of [
      [21, [1, 2, 4]],
      [20, [1, 2]],
      [11, [1, 2]],
      [10, [1]],
      [0, []],
    ] as const) {
      const epochs = log();
      expect(epochs.truncate(end)).toBe(kept.length < 3);
      expect(epochs.entries.map(({ epoch }) => epoch)).toEqual(kept);
    }
  });

  test("may be lower after a truncation than before it", () => {
    const epochs = log();
    epochs.truncate(10);
    expect(epochs.assign(3, 10)).toBe(true);
    expect([epochs.latest, epochs.find(9), epochs.find(10)]).toEqual([3, 1, 3]);
  });
});
