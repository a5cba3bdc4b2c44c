import { describe, expect, test } from "vitest";
import type { HistoryEvent, TopicRules } from "../history.ts";
import type { NewEvent } from "../world.ts";
import { checkHistory } from "./check-history.ts";

const plain: TopicRules = { durability: "fsync", hasRetention: false, isCompacted: false };
const partition = "T-0";

/** A history of one topic; events in the order given, a second apart. */
function historyOf(events: readonly NewEvent[], rules = plain): HistoryEvent[] {
  const made = { kind: "topicCreated", topicId: "T", name: "t", partitions: 1, rules } as const;
  return [made, ...events].map((event, at) => ({ ...event, atMs: at * 1_000 }) as HistoryEvent);
}

/** `checker: text` of everything that is complained of. */
function complaintsOf(
  events: readonly NewEvent[],
  rules = plain,
  errors: readonly string[] = [],
): string[] {
  const { complaints } = checkHistory(historyOf(events, rules), errors);
  return complaints.map(({ checker, text }) => `${checker}: ${text}`);
}

const sent = (...stamps: string[]): NewEvent => ({
  kind: "sent",
  partition,
  stamps,
  isIdempotent: true,
});
const acked = (baseOffset: number, ...stamps: string[]): NewEvent => ({
  kind: "acked",
  partition,
  baseOffset,
  stamps,
  askedAt: 0,
});
const readFailed = (offset: number): NewEvent => ({
  kind: "readFailed",
  partition,
  offset,
  error: "CORRUPT_MESSAGE",
  askedAt: 0,
});
const read = (from: number, ...stamps: (string | undefined)[]): NewEvent => ({
  kind: "read",
  reader: "r",
  partition,
  from,
  askedAt: 99,
  records: stamps.map((stamp, at) => ({ offset: from + at, stamp })),
});
const bounds = (logStart: number, committed: number, askedAt = 99): NewEvent => ({
  kind: "bounds",
  partition,
  logStart,
  committed,
  askedAt,
});
const final = (logStart: number, stamps: readonly string[], askedAt = 99): NewEvent => ({
  kind: "final",
  partition,
  askedAt,
  end: {
    logStart,
    committed: logStart + stamps.length,
    records: stamps.map((stamp, at) => ({ offset: logStart + at, stamp })),
    unreadable: [],
  },
});
const power: NewEvent = { kind: "unsyncedLost" };
const spoiled = (firstOffset: number, lastOffset: number): NewEvent => ({
  kind: "spoiled",
  partition,
  firstOffset,
  lastOffset,
});
const lax: TopicRules = { ...plain, durability: "os" };

test("a good history is complained of by nobody", () => {
  const events = [
    sent("p/1/0", "p/2/0"),
    acked(0, "p/1/0", "p/2/0"),
    read(0, "p/1/0", "p/2/0"),
    power,
    bounds(0, 2),
    final(0, ["p/1/0", "p/2/0"]),
  ];
  expect(complaintsOf(events)).toEqual([]);
});

describe("acknowledged stays", () => {
  const lost = [sent("p/1/0"), acked(0, "p/1/0"), power, final(0, [])];

  test("an acknowledged record that is gone is complained of", () => {
    expect(complaintsOf(lost)).toEqual([
      "acknowledged stays: T-0@0: acknowledged p/1/0, found nothing",
    ]);
  });

  test("so is one that lies elsewhere", () => {
    const events = [sent("p/1/0", "p/2/0"), acked(1, "p/1/0"), final(0, ["p/1/0", "p/2/0"])];
    expect(complaintsOf(events)).toContain(
      "acknowledged stays: T-0@1: acknowledged p/1/0, found p/2/0",
    );
  });

  test("a topic that does not flush first may lose it in a power cut, and only then", () => {
    expect(complaintsOf(lost, lax)).toEqual([]);
    const withoutCut = lost.filter((event) => event !== power);
    expect(complaintsOf(withoutCut, lax)).toHaveLength(1);
  });

  test("what was spoiled may be gone", () => {
    expect(complaintsOf([...lost.slice(0, 2), spoiled(0, 0), final(0, [])])).toEqual([]);
  });
});

describe("bounds only rise", () => {
  test("a log start that goes back, or moves unasked, is complained of", () => {
    const asked: NewEvent = { kind: "deleteAsked", partition, before: 2 };
    const deleted: NewEvent = { kind: "deleted", partition, logStart: 2, askedAt: 99 };
    expect(complaintsOf([bounds(0, 3), asked, deleted, bounds(2, 3)])).toEqual([]);
    expect(complaintsOf([bounds(0, 3), asked, deleted, bounds(1, 3)])).toEqual([
      "bounds only rise: T-0: log start 2 became 1",
    ]);
    expect(complaintsOf([bounds(0, 3), asked, bounds(3, 3)])).toEqual([
      "bounds only rise: T-0: log start 3, nobody deleted past 2",
    ]);
    expect(complaintsOf([bounds(0, 3), bounds(3, 3)], { ...plain, hasRetention: true })).toEqual(
      [],
    );
  });

  test("an answer that was overtaken by a later one goes not back", () => {
    expect(complaintsOf([bounds(0, 3), bounds(0, 5), bounds(0, 3, 2)])).toEqual([]);
    expect(complaintsOf([bounds(0, 3), bounds(0, 5), bounds(0, 2, 2)])).toHaveLength(1);
  });

  test("retention may move the log start while all is read at the end", () => {
    const retained = { ...plain, hasRetention: true };
    const stamps = ["p/1/0", "p/2/0"];
    const events = [sent(...stamps), bounds(0, 2), bounds(1, 2)];
    expect(complaintsOf([...events, final(0, stamps, 3)], retained)).toEqual([]);
    expect(complaintsOf([...events, final(0, stamps, 4)], retained)).toEqual([
      "bounds only rise: T-0: log start 1 became 0",
    ]);
  });

  test("a committed offset that goes back is complained of", () => {
    const events = [bounds(0, 3), power, bounds(0, 2)];
    expect(complaintsOf(events)).toEqual(["bounds only rise: T-0: committed 3 became 2"]);
    expect(complaintsOf(events, lax)).toEqual([]);
  });
});

describe("committed never changes", () => {
  test("two readers that see different records at one offset are complained of", () => {
    const events = [sent("p/1/0", "p/2/0"), read(0, "p/1/0"), power, read(0, "p/2/0")];
    expect(complaintsOf(events)).toEqual([
      "committed never changes: T-0@0: was p/1/0, r sees p/2/0",
    ]);
    expect(complaintsOf(events, lax)).toEqual([]);
    expect(complaintsOf([spoiled(0, 0), ...events])).toEqual([]);
  });

  test("so is a reader that sees another record than its producer was told", () => {
    const events = [sent("p/1/0", "p/2/0"), acked(0, "p/1/0"), read(0, "p/2/0")];
    expect(complaintsOf(events)).toEqual([
      "committed never changes: T-0@0: was p/1/0, r sees p/2/0",
    ]);
  });
});

test("bytes that nobody sent, not there, or that were refused, are complained of", () => {
  const refused: NewEvent = { kind: "refused", partition, stamps: ["p/1/0"], error: "no" };
  const elsewhere: NewEvent = {
    kind: "sent",
    partition: "T-1",
    stamps: ["p/2/0"],
    isIdempotent: false,
  };
  const events = [sent("p/1/0"), elsewhere, refused, read(0, "p/1/0", undefined, "p/2/0")];
  expect(complaintsOf(events)).toEqual([
    "only what was sent: T-0@0, read by r: p/1/0 had been refused",
    "only what was sent: T-0@1, read by r: nobody sent these bytes",
    "only what was sent: T-0@2, read by r: p/2/0 was sent to T-1",
  ]);
});

test("a repeated record of an idempotent producer, and one out of order, are complained of", () => {
  const events = [sent("p/1/0", "p/2/0"), final(0, ["p/1/0", "p/2/0", "p/1/0"])];
  expect(complaintsOf(events)).toEqual([
    "once and in order: T-0@2: p/1/0 is at 0 already",
    "once and in order: T-0@2: p/1/0 lies behind a later record of its producer",
  ]);
});

test("a gap in what is read is complained of, but in a compacted log", () => {
  const gap: NewEvent = { ...read(0), records: [{ offset: 1, stamp: "p/1/0" }] } as NewEvent;
  const events = [sent("p/1/0"), gap];
  expect(complaintsOf(events)).toEqual(["offsets go on: T-0: r expected 0 and got 1"]);
  expect(complaintsOf(events, { ...plain, isCompacted: true })).toEqual([]);
});

test("an offset that can not be read although nothing was spoiled or torn is complained of", () => {
  const failed = readFailed(3);
  expect(complaintsOf([failed])).toEqual([
    "damage is told: T-0@3: CORRUPT_MESSAGE, and nothing was spoiled",
  ]);
  expect(complaintsOf([spoiled(2, 4), failed])).toEqual([]);
  expect(complaintsOf([power, failed])).toEqual([]);
});

test("the gap of a compacted log beside what was spoiled counts as spoiled, records do not", () => {
  const failed = readFailed(3);
  const compacted = { ...plain, isCompacted: true };
  expect(complaintsOf([spoiled(5, 7), failed, final(0, [])], compacted)).toEqual([]);
  const told = ["damage is told: T-0@3: CORRUPT_MESSAGE, and nothing was spoiled"];
  expect(complaintsOf([spoiled(5, 7), failed])).toEqual(told);
  const left = [sent("p/1/0"), spoiled(5, 7), failed, final(4, ["p/1/0"])];
  const deleted: NewEvent = { kind: "deleteAsked", partition, before: 4 };
  expect(complaintsOf([deleted, ...left], compacted)).toEqual(told);
  expect(complaintsOf([spoiled(0, 2), failed, final(0, [])], compacted)).toEqual([]);
  const behind = [sent("p/1/0"), spoiled(0, 2), failed, final(3, ["p/1/0"])];
  expect(complaintsOf([{ ...deleted, before: 3 }, ...behind], compacted)).toEqual(told);
});

test("a group that is sent back behind what it committed is complained of", () => {
  const asked = (commit: number, offset: number): NewEvent => ({
    kind: "commitAsked",
    group: "g",
    partition,
    offset,
    commit,
  });
  const ackedCommit = (commit: number): NewEvent => ({ kind: "commitAcked", commit });
  const fetched = (offset: number, askedAt = 99): NewEvent => ({
    kind: "commitFetched",
    group: "g",
    partition,
    offset,
    askedAt,
  });
  const commits = [asked(1, 5), ackedCommit(1), asked(2, 8), ackedCommit(2), asked(3, 9)];
  expect(complaintsOf([fetched(-1, 0), ...commits, fetched(8), fetched(9)])).toEqual([]);
  expect(complaintsOf([...commits, fetched(5)])).toEqual([
    "groups keep their place: g T-0: 5 is not one of 8 9",
  ]);
  expect(complaintsOf([...commits, fetched(5, 3)])).toEqual([]);
  expect(complaintsOf([...commits, fetched(-1)])).toHaveLength(1);
});

test("a broker that is stuck, or that met a defect of its own, is complained of", () => {
  const stuck: NewEvent = { kind: "stuck", what: "t-0 can not be read" };
  const failed: NewEvent = { kind: "answer", api: "Fetch", error: "UNKNOWN_SERVER_ERROR" };
  expect(complaintsOf([stuck, failed], plain, ["error an invariant is broken"])).toEqual([
    "nothing is stuck: t-0 can not be read",
    "nothing is stuck: Fetch was answered with UNKNOWN_SERVER_ERROR",
    "no defect is met: error an invariant is broken",
  ]);
});
