import { expect, test } from "vitest";
import { findStart } from "./start-position.ts";

const topic = {
  name: "t",
  id: "",
  partitions: [
    { index: 0, leader: 1, replicas: [1], start: 5n, end: 20n },
    { index: 1, leader: 1, replicas: [1], start: 0n, end: 2n },
  ],
};
/** A broker on which partition 0 has a record at the time asked for, partition 1 none. */
const broker = {
  listOffsets: () =>
    Promise.resolve([
      {
        name: "t",
        partitions: [
          { partitionIndex: 0, offset: 9n, timestamp: 0n, leaderEpoch: 0 },
          { partitionIndex: 1, offset: -1n, timestamp: 0n, leaderEpoch: 0 },
        ],
      },
    ]),
};
const find = async (from: string, partition?: number) =>
  findStart(broker, topic, { from, partition });

test.each([
  ["earliest", [5n, 0n]],
  ["latest", [20n, 2n]],
  ["7", [7n, 2n]],
  ["0", [5n, 0n]],
  ["-3", [17n, 0n]],
  ["@2026-11-21T07:00:00Z", [9n, 2n]],
])("--from %s begins each partition inside its log", async (position, expected) => {
  expect((await find(position)).map(({ from }) => from)).toEqual(expected);
});

test("one partition can be chosen, an unknown one is refused", async () => {
  expect((await find("earliest", 1)).map(({ index }) => index)).toEqual([1]);
  await expect(find("earliest", 2)).rejects.toThrow("no partition 2");
});

test("other text is refused", async () => {
  await expect(find("yesterday")).rejects.toThrow("no position");
});
