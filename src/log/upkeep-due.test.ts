import { describe, expect, test } from "vitest";
import { defaultTopicSettings } from "../base/settings/topic-settings.ts";
import { neverMs } from "./partition-facts.ts";
import type { RetainedSegment } from "./retention-plan.ts";
import { planRetention } from "./retention-plan.ts";
import { type SegmentHead, shouldRollIdle } from "./segment-roll.ts";
import { type RestingLog, upkeepDueMs, upkeepRulesSum } from "./upkeep-due.ts";

const head: SegmentHead = {
  baseOffset: 10,
  sizeBytes: 100,
  recordCount: 5,
  firstTimestampMs: 1_000,
  createdMs: 900,
  isIndexFull: false,
  endsInDamage: false,
};
const oldest: RetainedSegment = {
  baseOffset: 0,
  endOffset: 10,
  sizeBytes: 200,
  largestTimestampMs: 500,
  modifiedMs: 800,
};
const bounds = { logStart: 0, committed: 15, unneededUpTo: 0 };
const rules = { deletes: true, ageMsMax: 3_000, sizeBytesMax: -1, recordCountMax: -1 };
const limits = { sizeBytesMax: 1_000, ageMsMax: 7_000, recordCountMax: 1_000 };
const log: RestingLog = { oldest, head, limits, rules };
const keeps = { ...rules, deletes: false };

describe("upkeep of a log at rest is due", () => {
  test("when its oldest segment is past retention.ms, not a millisecond sooner", () => {
    const dueMs = upkeepDueMs(log);
    const plan = (nowMs: number) => planRetention([oldest], rules, { ...bounds, nowMs });
    expect([plan(dueMs - 1).segmentCount, plan(dueMs).segmentCount]).toEqual([0, 1]);
  });

  test("by the file's time where no record has one", () => {
    expect(upkeepDueMs({ ...log, oldest: { ...oldest, largestTimestampMs: -1 } })).toBe(3_801);
  });

  test("when its active segment is old enough to be rolled, if that comes first", () => {
    const dueMs = upkeepDueMs({ ...log, rules: keeps });
    expect([shouldRollIdle(head, limits, dueMs - 1), shouldRollIdle(head, limits, dueMs)]).toEqual([
      false,
      true,
    ]);
  });

  test("never, where no time is set or nothing is there", () => {
    const forever = { ...limits, ageMsMax: Infinity };
    const resting = { ...log, limits: forever, rules: { ...rules, ageMsMax: -1 } };
    const empty = { ...log, head: undefined, oldest: undefined };
    expect([resting, empty].map(upkeepDueMs)).toEqual([neverMs, neverMs]);
  });
});

test("settings by which upkeep is due at other times have another sum", () => {
  const sumOf = (change: object): number => upkeepRulesSum({ ...defaultTopicSettings, ...change });
  const changes = [{}, { "retention.ms": 1 }, { "retention.records": 5 }, { "segment.ms": 60_000 }];
  expect(new Set(changes.map(sumOf)).size).toBe(changes.length);
  expect(sumOf({ "max.message.bytes": 1 })).toBe(sumOf({}));
});
