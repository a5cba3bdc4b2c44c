import { expect, test } from "vitest";
import { startPositions } from "./start-position.ts";

const topic = {
  name: "t",
  id: "",
  partitions: [
    { index: 0, leader: 1, replicas: [1], start: 5n, end: 20n },
    { index: 1, leader: 1, replicas: [1], start: 0n, end: 2n },
  ],
};
const froms = (position: string): bigint[] =>
  startPositions(topic, position, undefined).map(({ from }) => from);

test.each([
  ["earliest", [5n, 0n]],
  ["latest", [20n, 2n]],
  ["7", [7n, 2n]],
  ["0", [5n, 0n]],
  ["-3", [17n, 0n]],
])("--from %s begins each partition inside its log", (position, expected) =>
  expect(froms(position)).toEqual(expected),
);

test("one partition can be chosen, an unknown one is refused", () => {
  expect(startPositions(topic, "earliest", 1).map(({ index }) => index)).toEqual([1]);
  expect(() => startPositions(topic, "earliest", 2)).toThrow("no partition 2");
});

test("other text is refused", () => expect(() => froms("yesterday")).toThrow("a position is"));
