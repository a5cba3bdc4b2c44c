import { describe, expect, test } from "vitest";
import { portableCrc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../base/text.ts";
import { type EpochStart, LeaderEpochs } from "./leader-epochs.ts";
import { formatMetaProperties, parseMetaProperties } from "./meta-properties.ts";
import { planRetention, type RetainedSegment } from "./retention-plan.ts";
import { formatSegmentName, parseSegmentName } from "./segment-name.ts";
import { shouldRoll, shouldRollIdle } from "./segment-roll.ts";
import { formatOffsetCheckpoint, parseOffsetCheckpoint } from "./text-checkpoint.ts";

describe("segment names", () => {
  test("have 20 digits and one of five suffixes", () => {
    expect(formatSegmentName(1234, ".index")).toBe("00000000000000001234.index");
    expect(parseSegmentName("00000000000000001234.index")?.baseOffset).toBe(1234);
    for (const name of [
      "1234.log",
      "00000000000000001234.log.deleted",
      "99999999999999999999.log",
    ]) {
      expect(parseSegmentName(name)).toBeUndefined();
    }
  });
});

describe("rolling", () => {
  const head = {
    baseOffset: 0,
    sizeBytes: 900,
    recordCount: 10,
    firstTimestampMs: 1_000,
    createdMs: 0,
    isIndexFull: false,
    endsInDamage: false,
  };
  const incoming = { sizeBytes: 100, lastOffset: 10, maxTimestampMs: 1_500 };
  const limits = { sizeBytesMax: 1_000, ageMsMax: 500, recordCountMax: 100 };

  test("waits until a batch no longer fits, is too young to join, or the index is full", () => {
    expect(shouldRoll(head, incoming, limits, 0)).toBe(false);
    expect(shouldRoll(head, { ...incoming, sizeBytes: 101 }, limits, 0)).toBe(true);
    expect(shouldRoll(head, { ...incoming, maxTimestampMs: 1_501 }, limits, 0)).toBe(true);
    expect(shouldRoll({ ...head, isIndexFull: true }, incoming, limits, 0)).toBe(true);
    const damaged = { ...head, sizeBytes: 0, endsInDamage: true };
    expect(shouldRoll(damaged, incoming, limits, 0)).toBe(true);
    expect(shouldRoll({ ...head, recordCount: 100 }, incoming, limits, 0)).toBe(true);
    expect(shouldRoll(head, { ...incoming, lastOffset: 2 ** 31 }, limits, 0)).toBe(true);
  });

  test("looks at the records that a segment holds, not at those that come", () => {
    const byCount = { ...limits, recordCountMax: 11 };
    expect(shouldRoll(head, { ...incoming, lastOffset: 99 }, byCount, 0)).toBe(false);
    expect(shouldRoll({ ...head, recordCount: 11 }, incoming, byCount, 0)).toBe(true);
  });

  test("counts a segment's age from its creation when records have no time", () => {
    const untimed = { ...head, firstTimestampMs: -1 };
    expect(shouldRoll(untimed, incoming, limits, 500)).toBe(false);
    expect(shouldRoll(untimed, incoming, limits, 501)).toBe(true);
  });

  test("rolls an empty segment only behind a gap that its offsets do not span", () => {
    const empty = { ...head, sizeBytes: 0 };
    expect(shouldRoll(empty, { ...incoming, lastOffset: 2 ** 31 }, limits, 0)).toBe(true);
    expect(shouldRoll(empty, { ...incoming, lastOffset: 2 ** 31 - 1 }, limits, 0)).toBe(false);
    expect(shouldRoll(empty, { ...incoming, sizeBytes: 5_000 }, limits, 9_999)).toBe(false);
    expect(shouldRollIdle(empty, limits, 99_999)).toBe(false);
    expect(shouldRollIdle(head, limits, 1_501)).toBe(true);
    const old = { ...head, createdMs: 1_400 };
    expect([1_501, 1_900, 1_901].map((nowMs) => shouldRollIdle(old, limits, nowMs))).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe("retention plan", () => {
  const segments: RetainedSegment[] = [0, 10, 20].map((baseOffset) => ({
    baseOffset,
    endOffset: baseOffset + 10,
    sizeBytes: 100,
    largestTimestampMs: 1_000 + baseOffset,
    modifiedMs: 0,
  }));
  const keep = { deletes: true, ageMsMax: -1, sizeBytesMax: -1, recordCountMax: -1 };
  const bounds = { logStart: 0, committed: 30, nowMs: 5_000, unneededUpTo: 0 };

  test("keeps everything without bounds", () => {
    expect(planRetention(segments, keep, bounds)).toEqual({ segmentCount: 0, logStart: 0 });
  });

  test("takes whole segments by size, by age, and never above the committed offset", () => {
    const bySize = { ...keep, sizeBytesMax: 150 };
    expect(planRetention(segments, bySize, bounds)).toEqual({ segmentCount: 1, logStart: 10 });
    const byAge = { ...keep, ageMsMax: 3_985 };
    expect(planRetention(segments, byAge, bounds).segmentCount).toBe(2);
    const all = { ...keep, ageMsMax: 0 };
    expect(planRetention(segments, all, bounds).segmentCount).toBe(3);
    expect(planRetention(segments, all, { ...bounds, committed: 25 }).segmentCount).toBe(2);
  });

  test("by count moves the start exactly, inside a segment too, and never back", () => {
    const plan = (recordCountMax: number, other: Partial<typeof bounds> = {}): unknown =>
      planRetention(segments, { ...keep, recordCountMax }, { ...bounds, ...other });
    expect(plan(30)).toEqual({ segmentCount: 0, logStart: 0 });
    expect(plan(29)).toEqual({ segmentCount: 0, logStart: 1 });
    expect(plan(20)).toEqual({ segmentCount: 1, logStart: 10 });
    expect(plan(1)).toEqual({ segmentCount: 2, logStart: 29 });
    expect(plan(5, { committed: 22 })).toEqual({ segmentCount: 1, logStart: 17 });
    expect(plan(29, { logStart: 12 })).toEqual({ segmentCount: 1, logStart: 12 });
  });

  test("what is not needed goes exactly, the committed offset is the bound", () => {
    const plan = (unneededUpTo: number, other: Partial<typeof bounds> = {}): unknown =>
      planRetention(segments, keep, { ...bounds, unneededUpTo, ...other });
    expect(plan(7)).toEqual({ segmentCount: 0, logStart: 7 });
    expect(plan(17)).toEqual({ segmentCount: 1, logStart: 17 });
    expect(plan(99)).toEqual({ segmentCount: 3, logStart: 30 });
    expect(plan(99, { committed: 22 })).toEqual({ segmentCount: 2, logStart: 22 });
    expect(plan(7, { logStart: 9 })).toEqual({ segmentCount: 0, logStart: 9 });
    const compacted = planRetention(
      segments,
      { ...keep, deletes: false },
      { ...bounds, unneededUpTo: 7 },
    );
    expect(compacted).toEqual({ segmentCount: 0, logStart: 0 });
  });

  test("takes what lies below the log start from compacted topics too", () => {
    const compact = { ...keep, deletes: false, ageMsMax: 0, recordCountMax: 1 };
    const plan = planRetention(segments, compact, { ...bounds, logStart: 10 });
    expect(plan).toEqual({ segmentCount: 1, logStart: 10 });
  });
});

describe("leader epochs", () => {
  test("answer the end of an epoch as KIP-101 asks", () => {
    const epochs = LeaderEpochs.parse("0\n3\n0 0\n1 6\n4 13\n");
    const ends = [-1, 0, 1, 2, 3, 4, 5].map((epoch) => {
      const { leaderEpoch, endOffset } = epochs.endOf(epoch, 16);
      return [leaderEpoch, endOffset];
    });
    expect(ends).toEqual([
      [-1, -1],
      [0, 6],
      [1, 13],
      [1, 13],
      [1, 13],
      [4, 16],
      [-1, -1],
    ]);
    expect(epochs.format()).toMatch(/^0\n3\n0 0\n1 6\n4 13[ \t]{32}\n$/);
  });

  test("with any bit of their checkpoint flipped are refused or the same", () => {
    for (const text of ["0\n1\n0 12\n", "0\n3\n0 0\n1 6\n4 13\n"]) {
      const epochs = LeaderEpochs.parse(text);
      const bytes = encodeUtf8(epochs.format());
      expect(LeaderEpochs.parse(epochs.format()).entries).toEqual(epochs.entries);
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const spoiled = bytes.slice();
        spoiled[bit >> 3] = (spoiled[bit >> 3] as number) ^ (1 << (bit & 7));
        const other = entriesOr(epochs.entries, decodeUtf8(spoiled));
        expect(other).toEqual(epochs.entries);
      }
    }
  });

  test.each(["0\n1\np 0\n", "0\n2\n1 0\n0 4\n", "0\n2\n0 4\n1 4\n"])(
    "that nobody writes are refused: %j",
    (text) => expect(() => LeaderEpochs.parse(text)).toThrow(MalformedError),
  );

  test("are cut with the log at both ends", () => {
    const epochs = LeaderEpochs.parse("0\n3\n0 0\n1 6\n4 13\n");
    expect(epochs.cutEnd({ logStart: 0, end: 13 })).toBe(true);
    expect(epochs.latest).toBe(1);
    expect(epochs.cutStart(8)).toBe(true);
    expect(epochs.entries).toEqual([{ epoch: 1, startOffset: 8 }]);
    expect(epochs.assign(2, 8)).toBe(true);
    expect(epochs.entries).toEqual([{ epoch: 2, startOffset: 8 }]);
  });
});

describe("text files", () => {
  test("an offset checkpoint reads back, names with dashes included", () => {
    const offsets = new Map([
      ["a-b-0", 5],
      ["c-12", 0],
    ]);
    const sum = portableCrc32c(encodeUtf8("0\n2\na-b 0 5\nc 12 0\n"));
    const text = `0\n3\na-b 0 5\nc 12 0\n__xylem_crc32c 0 ${sum}\n`;
    expect(formatOffsetCheckpoint(offsets)).toBe(text);
    const other = text.replace("a-b 0 5", "a-b 0 7");
    expect(() => parseOffsetCheckpoint(other)).toThrow("the sum of the checkpoint is wrong");
    expect(parseOffsetCheckpoint("0\n1\na-b 0 5\n")).toEqual(new Map([["a-b-0", 5]]));
    expect(parseOffsetCheckpoint(formatOffsetCheckpoint(offsets))).toEqual(offsets);
    expect(parseOffsetCheckpoint("")).toEqual(new Map());
  });

  test.each(["1\n0\n", "0\n2\na 0 1\n", "0\n1\na 0\n", "0\n1\na 0 x\n", "0\n1\na 0 -1\n"])(
    "a checkpoint of another form is refused: %j",
    (text) => {
      expect(() => parseOffsetCheckpoint(text)).toThrow("checkpoint");
    },
  );

  test("meta.properties of both versions are read", () => {
    const meta = { clusterId: "c", nodeId: 3, directoryId: "d" };
    expect(parseMetaProperties(formatMetaProperties(meta))).toEqual(meta);
    const old = "#\n#Sat\nversion=0\nbroker.id=4\ncluster.id=x\n";
    expect(parseMetaProperties(old)).toEqual({ clusterId: "x", nodeId: 4, directoryId: "" });
    expect(() => parseMetaProperties("version=2\n")).toThrow("version 2");
  });
});

/** What a checkpoint tells; `refused` where it throws as bad bytes do. */
function entriesOr(refused: readonly EpochStart[], text: string): readonly EpochStart[] {
  try {
    return LeaderEpochs.parse(text).entries;
  } catch (error) {
    if (error instanceof MalformedError) return refused;
    throw error;
  }
}
