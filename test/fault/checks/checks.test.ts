import { expect, test } from "vitest";
import { formatStamp } from "../../../src/cli/torture/record-stamp.ts";
import { type ClientName, type Lane, longestGapMs, type Told } from "../load/lane.ts";
import { figuresOfClients } from "./client-figures.ts";
import { type CommitEvent, findLostCommits } from "./commits-kept.ts";
import { findUndelivered } from "./delivered-all.ts";
import { findUnequalReplicas } from "./equal-replicas.ts";
import { findOtherReading } from "./same-reading.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const stored = (...values: string[]) =>
  values.map((value, offset) => ({ offset, value: bytes(value) }));
const acknowledged = (offset: number, atMs: number): CommitEvent => {
  return { kind: "acknowledged", offset, atMs };
};
const seen = (offset: number, atMs: number): CommitEvent => ({ kind: "seen", offset, atMs });

test("commits that only grow raise no complaint", () => {
  const events = [seen(-1, 0), acknowledged(5, 1), seen(5, 2), acknowledged(9, 3), seen(9, 4)];
  expect(findLostCommits("t-0", events)).toEqual([]);
});

test("a commit that was answered after one looked, or just before, may not be seen", () => {
  const events = [acknowledged(5, 1), acknowledged(9, 5_003), seen(5, 5_002), seen(5, 6_000)];
  expect(findLostCommits("t-0", events)).toEqual([]);
});

test("a committed offset that goes back is told", () => {
  const complaints = findLostCommits("t-0", [seen(9, 1), seen(5, 2)]);
  expect(complaints).toEqual(["t-0, 2 ms: committed went from 9 to 5"]);
});

test("an acknowledged commit that is not there is told", () => {
  const complaints = findLostCommits("t-0", [acknowledged(7, 1), seen(5, 4_000)]);
  expect(complaints).toEqual(["t-0, 4000 ms: committed is 5, 7 was acknowledged"]);
});

test("a reader who saw what is stored raises no complaint", () => {
  const read = [{ offset: 0, value: "a" }];
  expect(findOtherReading("t-0", read, stored("a", "b"))).toEqual([]);
});

test("a record that was read and is gone, or is another one, is told", () => {
  const read = [
    { offset: 0, value: "a" },
    { offset: 1, value: "x" },
    { offset: 2, value: "c" },
  ];
  expect(findOtherReading("t-0", read, stored("a", "b"))).toEqual([
    "t-0: 1 was read as something else",
    "t-0: 2 was read and is not stored",
  ]);
});

test("a reader who was given a record twice, or not at all, is told", () => {
  const twice = [
    { offset: 0, value: "a" },
    { offset: 0, value: "a" },
  ];
  expect(findOtherReading("t-0", twice, stored("a", "b"))).toHaveLength(1);
  expect(findOtherReading("t-0", [{ offset: 1, value: "b" }], stored("a", "b"))).toHaveLength(1);
});

test("records that reached no member of the group are told", () => {
  expect(findUndelivered("t-0", new Set([0, 1, 2]), 3)).toEqual([]);
  expect(findUndelivered("t-0", new Set([0, 2]), 3)).toEqual([
    "t-0: 1 records reached no member, the first is 1",
  ]);
});

test("replicas that are not the same bytes are told", () => {
  const replicas = (...texts: (string | undefined)[]) =>
    texts.map((text, at) => ({ node: at + 1, bytes: text === undefined ? text : bytes(text) }));
  expect(findUnequalReplicas("t-0", replicas("abc", "abc", "abc"))).toEqual([]);
  expect(findUnequalReplicas("t-0", replicas("abc", "abc", "abX"))).toEqual([
    "t-0: nodes 1 and 3 differ from byte 2 on, of 3 and 3 bytes",
  ]);
  expect(findUnequalReplicas("t-0", replicas("abc", "ab", "abc"))).toHaveLength(1);
  expect(findUnequalReplicas("t-0", replicas("abc", undefined, "abc"))).toHaveLength(1);
  expect(findUnequalReplicas("t-0", [])).toHaveLength(1);
});

test("a silence of the service is measured up to the end of the time looked at", () => {
  const lane = { answeredMs: [5, 10, 40, 45] };
  expect(longestGapMs(lane, 0, 50)).toBe(30);
  expect(longestGapMs(lane, 0, 100)).toBe(55);
  expect(longestGapMs(lane, 12, 41)).toBe(28);
});

test("what each client was acknowledged, and what of it is lost or twice, is told apart", () => {
  const lane = (client: ClientName, topic: string, told: readonly Told[]): Lane => {
    const ledgers = new Map(told.map((one, at) => [at + 1, one]));
    const nothing = { answeredMs: [], complaints: [], run: () => Promise.resolve() };
    return { client, topic, partition: 0, ledgers, ...nothing };
  };
  const lanes = [lane("kcat", "lines", [[0, 1, 2], [3]]), lane("Java", "entries", [[0, 1]])];
  const logs = new Map([
    [
      "lines",
      [
        [1, 0],
        [1, 1],
        [1, 1],
        [2, 0],
      ] as const,
    ],
    [
      "entries",
      [
        [1, 0],
        [1, 1],
      ] as const,
    ],
  ]);
  const stored = (topic: string) =>
    (logs.get(topic) ?? []).map(([producer, sequence], offset) => {
      return { offset, value: formatStamp({ producer, sequence }) };
    });
  const nothingElse = { commits: 0, restarts: 0 };
  expect(figuresOfClients({ lanes, groups: [], readers: [] }, stored)).toEqual([
    { client: "kcat", acknowledged: 4, lost: 1, twice: 1, ...nothingElse },
    { client: "Java", acknowledged: 2, lost: 0, twice: 0, ...nothingElse },
  ]);
});
