import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import {
  append,
  memoryDisk,
  openWorld,
  readValues,
} from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Disk } from "../../ports/disk.ts";
import type { Partition } from "../partition.ts";

const outOfRange = expect.objectContaining({ code: "OFFSET_OUT_OF_RANGE" }) as Error;
const stores: [string, () => Disk][] = [
  ["on files", () => new SimulatedDisk()],
  ["in memory", memoryDisk],
];

/** The base offsets that the folder's log files are named by. */
async function bases(disk: Disk): Promise<number[]> {
  const names = (await disk.list("orders-0")).map(({ name }) => name);
  return names
    .filter((name) => name.endsWith(".log"))
    .map((name) => Number.parseInt(name, 10))
    .sort((one, other) => one - other);
}

async function appendAll(partition: Partition, values: string): Promise<void> {
  for (const value of values) await append(partition, [value]);
}

describe.each(stores)("segment.records %s", (_, makeDisk) => {
  test("begins a segment with the record after the last that it may hold", async () => {
    const disk = makeDisk();
    const partition = await (await openWorld(disk)).open("orders", { "segment.records": 3 });
    await appendAll(partition, "abc");
    expect(await bases(disk)).toEqual([0]);
    await appendAll(partition, "defgh");
    expect(await bases(disk)).toEqual([0, 3, 6]);
    expect(await readValues(partition)).toEqual(Array.from("abcdefgh"));
  });

  test("never splits a batch, though the segment gets more records than that", async () => {
    const disk = makeDisk();
    const partition = await (await openWorld(disk)).open("orders", { "segment.records": 3 });
    for (let round = 0; round < 4; round += 1) await append(partition, ["a", "b"]);
    await append(partition, Array.from("cdefg"));
    await append(partition, ["h"]);
    expect(await bases(disk)).toEqual([0, 4, 8, 13]);
  });

  test("changed while the partition is open holds from the next batch on", async () => {
    const disk = makeDisk();
    const partition = await (await openWorld(disk)).open("orders");
    await appendAll(partition, "abcd");
    partition.configure({ ...defaultTopicSettings, "segment.records": 2 });
    await appendAll(partition, "efg");
    expect(await bases(disk)).toEqual([0, 4, 6]);
  });

  test("of a full segment is remembered at the next start", async () => {
    const disk = makeDisk();
    const world = await openWorld(disk);
    await appendAll(await world.open("orders", { "segment.records": 3 }), "abcdef");
    await world.directory.close();
    const partition = await (await openWorld(disk)).open("orders", { "segment.records": 3 });
    await appendAll(partition, "g");
    expect(await bases(disk)).toEqual([0, 3, 6]);
  });
});

describe.each(stores)("segment.ms %s", (_, makeDisk) => {
  test("closes an idle segment at the check, and leaves the empty one be", async () => {
    const disk = makeDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { "segment.ms": 1_000 });
    await append(partition, ["a"], { timestampMs: world.clock.nowMs() });
    const nowMs = world.clock.nowMs();
    for (const waitMs of [1_000, 1_001, 90_000]) await partition.applyRetention(nowMs + waitMs);
    expect(await bases(disk)).toEqual([0, 1]);
    await world.directory.close();
    const next = await (await openWorld(disk)).open("orders", { "segment.ms": 1_000 });
    await next.applyRetention(nowMs + 99_000);
    expect(await bases(disk)).toEqual([0, 1]);
    expect(await append(next, ["b"])).toBe(1);
    expect(await readValues(next)).toEqual(["a", "b"]);
  });
});

describe.each(stores)("retention.records %s", (_, makeDisk) => {
  const settings = { "segment.records": 4, "retention.records": 5 };

  test("keeps the last records exactly, and of the files those that hold one", async () => {
    const disk = makeDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", settings);
    await appendAll(partition, "abcde");
    await partition.applyRetention(world.clock.nowMs());
    expect(partition.logStart).toBe(0);
    await appendAll(partition, "fghijk");
    await partition.applyRetention(world.clock.nowMs());
    expect([partition.logStart, partition.end]).toEqual([6, 11]);
    expect(await bases(disk)).toEqual([4, 8]);
    expect(await readValues(partition, 6)).toEqual(Array.from("ghijk"));
    const limits = { sizeBytesMax: 100, wholeFirst: true, upTo: 11 };
    expect(() => partition.read(5, limits)).toThrow(outOfRange);
  });

  test("raised brings nothing back, and the start it moved holds after a start", async () => {
    const disk = makeDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", settings);
    await appendAll(partition, "abcdefghijk");
    await partition.applyRetention(world.clock.nowMs());
    partition.configure({ ...defaultTopicSettings, "retention.records": 9 });
    await partition.applyRetention(world.clock.nowMs());
    expect(partition.logStart).toBe(6);
    await world.directory.close();
    const next = await (await openWorld(disk)).open("orders");
    expect([next.logStart, next.end]).toEqual([6, 11]);
    expect(await readValues(next, 6)).toEqual(Array.from("ghijk"));
  });

  test("of a batch larger than the bound cuts inside it and leaves its file", async () => {
    const disk = makeDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { ...settings, "retention.records": 1 });
    await append(partition, Array.from("abcdefgh"));
    await partition.applyRetention(world.clock.nowMs());
    expect(await bases(disk)).toEqual([0]);
    expect(await readValues(partition, partition.logStart)).toEqual(["h"]);
  });

  test("has no say over a topic that is only compacted", async () => {
    const world = await openWorld(makeDisk());
    const compacted = { ...settings, "cleanup.policy": ["compact"] } as const;
    const partition = await world.open("orders", compacted);
    for (const value of "abcdefghijk") await append(partition, [value], { key: value });
    await partition.applyRetention(world.clock.nowMs());
    expect(partition.logStart).toBe(0);
  });
});

describe("after a kill", () => {
  test("the log start that a count moved holds, and the segment's count goes on", async () => {
    const disk = new SimulatedDisk();
    const settings = { "segment.records": 4, "retention.records": 5 };
    const world = await openWorld(disk);
    const partition = await world.open("orders", settings);
    await appendAll(partition, "abcdefghijk");
    await partition.applyRetention(world.clock.nowMs());
    const rest = disk.afterKill();
    const next = await (await openWorld(rest)).open("orders", settings);
    expect([next.logStart, next.end]).toEqual([6, 11]);
    await appendAll(next, "lm");
    expect(await bases(rest)).toEqual([4, 8, 12]);
  });

  test("a full disk that refused the new segment leaves the count as it was", async () => {
    const disk = new SimulatedDisk();
    const partition = await (await openWorld(disk)).open("orders", { "segment.records": 2 });
    await appendAll(partition, "ab");
    disk.fault = (operation, path) => {
      if (operation === "open" && path.endsWith("02.log")) {
        throw new XylemError("DISK_FULL", "opening: the disk is full");
      }
    };
    await expect(append(partition, ["lost"])).rejects.toMatchObject({ code: "DISK_FULL" });
    disk.fault = () => undefined;
    await appendAll(partition, "cde");
    expect(await bases(disk)).toEqual([0, 2, 4]);
    expect(await readValues(partition)).toEqual(Array.from("abcde"));
  });
});
