import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import {
  append,
  batchOf,
  committed,
  fromDisk,
  openWorld,
  readValues,
} from "../../../test/support/log-directory.ts";
import type { SimulatedDisk as Disk } from "../../simulation/simulated-disk.ts";

const segmented = { "internal.segment.bytes": 100 };
const outOfRange = expect.objectContaining({ code: "OFFSET_OUT_OF_RANGE" }) as Error;

async function logNames(disk: Disk): Promise<string[]> {
  const names = (await disk.list("orders-0")).map(({ name }) => name);
  return names.filter((name) => name.endsWith(".log")).sort();
}

const logName = (offset: number): string => `${String(offset).padStart(20, "0")}.log`;

describe("deleting records", () => {
  test("moves the log start for good, and a read below it is out of range", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", segmented);
    for (const value of ["a", "b", "c", "d"]) await append(partition, [value]);
    expect(await partition.deleteRecordsBefore(2)).toBe(2);
    expect(await partition.deleteRecordsBefore(1)).toBe(2);
    const limits = { sizeBytesMax: 100, wholeFirst: true, upTo: 4 };
    expect(() => partition.read(1, limits)).toThrow(outOfRange);
    expect(await readValues(partition, 2)).toEqual(["c", "d"]);
    await expect(partition.deleteRecordsBefore(5)).rejects.toMatchObject(outOfRange);
    const next = await (await openWorld(disk.afterKill())).open("orders", segmented);
    expect([next.logStart, next.end]).toEqual([2, 4]);
  });

  test("inside a segment survives a kill though no file tells it", async () => {
    const disk = new SimulatedDisk();
    const partition = await (await openWorld(disk)).open();
    for (const value of ["a", "b", "c"]) await append(partition, [value]);
    await partition.deleteRecordsBefore(2);
    const next = await (await openWorld(disk.afterKill())).open();
    expect(next.logStart).toBe(2);
    expect(await readValues(next, 2)).toEqual(["c"]);
  });

  test("up to the end leaves an empty log that goes on counting", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", segmented);
    for (const value of ["a", "b", "c"]) await append(partition, [value]);
    expect(await partition.deleteRecordsBefore(-1)).toBe(3);
    await partition.applyRetention(world.clock.nowMs());
    expect(await logNames(disk)).toEqual([logName(3)]);
    expect(await append(partition, ["d"])).toBe(3);
    await world.directory.close();
    const next = await (await openWorld(disk)).open("orders", segmented);
    expect([next.logStart, next.end]).toEqual([3, 4]);
  });
});

describe("retention", () => {
  test("by age removes whole segments, the active one after a roll", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const settings = { ...segmented, "retention.ms": 1_000, "segment.ms": 10_000_000 };
    const partition = await world.open("orders", settings);
    const startMs = world.clock.nowMs();
    for (const [index, value] of ["a", "b", "c"].entries()) {
      await append(partition, [value], { timestampMs: startMs + index * 600 });
    }
    await partition.applyRetention(startMs + 1_601);
    expect(await readValues(partition, partition.logStart)).toEqual(["c"]);
    await partition.applyRetention(startMs + 9_999);
    expect([partition.logStart, partition.end]).toEqual([3, 3]);
    expect(await logNames(disk)).toEqual([logName(3)]);
    await partition.applyRetention(startMs + 99_999);
    expect(await logNames(disk)).toEqual([logName(3)]);
  });

  test("by size keeps the newest segments", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { ...segmented, "retention.bytes": 150 });
    for (const value of ["a", "b", "c", "d"]) await append(partition, [value]);
    await partition.applyRetention(world.clock.nowMs());
    expect(partition.logStart).toBe(1);
    expect(partition.sizeBytes).toBeGreaterThanOrEqual(150);
  });

  test("by count moves the log start exactly", async () => {
    const world = await openWorld(new SimulatedDisk());
    const partition = await world.open("orders", { "retention.records": 2 });
    for (const value of ["a", "b", "c", "d"]) await append(partition, [value]);
    await partition.applyRetention(world.clock.nowMs());
    expect(await readValues(partition, partition.logStart)).toEqual(["c", "d"]);
  });

  test("renames files first, removes them after the delay", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const settings = { ...segmented, "retention.bytes": 1, "file.delete.delay.ms": 60_000 };
    const partition = await world.open("orders", settings);
    for (const value of ["a", "b"]) await append(partition, [value]);
    await partition.applyRetention(world.clock.nowMs());
    const deleted = async (): Promise<number> =>
      (await disk.list("orders-0")).filter(({ name }) => name.endsWith(".deleted")).length;
    expect(partition.logStart).toBeGreaterThan(0);
    expect(await deleted()).toBeGreaterThan(0);
    await world.clock.advance(60_001);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await deleted()).toBe(0);
  });

  test("waits for a reader before it takes a file away", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk, { settings: fromDisk });
    const partition = await world.open("orders", { ...segmented, "retention.bytes": 1 });
    for (const value of ["a", "b", "c"]) await append(partition, [value]);
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    disk.fault = (operation, path) =>
      operation === "read" && path.endsWith(logName(0)) ? gate : undefined;
    const reading = partition.read(0, { sizeBytesMax: 100, wholeFirst: true, upTo: 3 });
    const removing = partition.applyRetention(world.clock.nowMs());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await logNames(disk)).toContain(logName(0));
    release();
    expect((await reading).chunks.length).toBe(1);
    await removing;
    expect(await logNames(disk)).not.toContain(logName(0));
  });

  test("of segments that were never flushed leaves the partition working", async () => {
    const world = await openWorld(new SimulatedDisk());
    const settings = { ...segmented, "retention.bytes": 1, durability: "os" } as const;
    const partition = await world.open("orders", settings);
    for (const value of ["a", "b", "c"]) partition.append(batchOf([value]), { origin: "client" });
    await committed(partition, 3);
    await partition.applyRetention(world.clock.nowMs());
    expect(await append(partition, ["d"])).toBe(3);
    await world.directory.close();
    expect(partition.stopped).toBeUndefined();
    expect(partition.flushed).toBe(4);
  });

  test("an idle segment is closed once it is segment.ms old", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { "segment.ms": 1_000 });
    await append(partition, ["a"], { timestampMs: world.clock.nowMs() });
    await partition.applyRetention(world.clock.nowMs() + 1_001);
    expect(await logNames(disk)).toEqual([logName(0), logName(1)]);
    expect(await append(partition, ["b"])).toBe(1);
    expect(await readValues(partition)).toEqual(["a", "b"]);
  });
});
