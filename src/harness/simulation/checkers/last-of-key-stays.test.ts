import { expect, test } from "vitest";
import type { HistoryEvent, RecordSeen, TopicRules } from "../history.ts";
import type { NewEvent } from "../world.ts";
import { lastOfKeyStays } from "./last-of-key-stays.ts";

const partition = "T-0";
const rules: TopicRules = {
  durability: "fsync",
  hasRetention: false,
  isCompacted: true,
  deleteRetentionMs: 30_000,
};

/** Numbers that differ by seven are of one key. */
function complaintsOf(events: readonly NewEvent[], endMs = 10_000): readonly string[] {
  const made = { kind: "topicCreated", topicId: "T", name: "t", partitions: 1, rules } as const;
  const history = [made, ...events].map((event) => {
    return { ...event, atMs: event.kind === "final" ? endMs : 1_000 } as HistoryEvent;
  });
  return lastOfKeyStays(history).complaints;
}

const sent = (...stamps: string[]): NewEvent => {
  return { kind: "sent", partition, stamps, isIdempotent: true };
};
const acked = (baseOffset: number, ...stamps: string[]): NewEvent => {
  return { kind: "acked", partition, baseOffset, stamps, askedAt: 0 };
};

function final(...records: readonly RecordSeen[]): NewEvent {
  const end = { logStart: 0, committed: 9, records, unreadable: [] };
  return { kind: "final", partition, end, askedAt: 99 };
}

test("what a newer record of its key stands for may go", () => {
  const history = [
    sent("p/1/0", "p/2/0", "p/8/0"),
    acked(0, "p/1/0", "p/2/0", "p/8/0"),
    final({ offset: 1, stamp: "p/2/0" }, { offset: 2, stamp: "p/8/0" }),
  ];
  expect(complaintsOf(history)).toEqual([]);
});

test("the newest record of a key that is gone is complained of", () => {
  const history = [
    sent("p/1/0", "p/8/0"),
    acked(0, "p/1/0", "p/8/0"),
    final({ offset: 0, stamp: "p/1/0" }),
  ];
  expect(complaintsOf(history)).toEqual(["T-0@1, k1: p/8/0 is gone"]);
});

test("a tombstone that goes before its time is complained of", () => {
  const history = [sent("p/1/0", "p/8/x"), acked(0, "p/1/0", "p/8/x"), final()];
  expect(complaintsOf(history)).toEqual(["T-0@1, k1: tombstone p/8/x went too early"]);
  expect(complaintsOf(history, 60_000)).toEqual([]);
});

test("a record that comes back once its tombstone has gone is complained of", () => {
  const history = [
    sent("p/1/0", "p/8/x"),
    acked(0, "p/1/0", "p/8/x"),
    final({ offset: 0, stamp: "p/1/0" }),
  ];
  const complaints = complaintsOf(history, 60_000);
  expect(complaints).toEqual(["T-0@1, k1: p/1/0 came back behind tombstone p/8/x"]);
});

test("a tombstone that nobody saw may have taken a key away", () => {
  const history = [sent("p/1/0", "p/8/x"), acked(0, "p/1/0"), final()];
  expect(complaintsOf(history, 60_000)).toEqual([]);
});
