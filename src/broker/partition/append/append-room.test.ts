import { describe, expect, test } from "vitest";
import {
  append,
  batchOf,
  memoryDisk,
  openWorld,
  readValues,
} from "../../../../test/support/log-directory.ts";
import { silentLog, type Log } from "../../../base/log.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const own = { origin: "coordinator" } as const;
const full = expect.objectContaining({ code: "DISK_FULL" }) as Error;

function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string): unknown => lines.push(message);
  return { log: { ...silentLog, info: keep, warn: keep, error: keep }, lines };
}

function leave(disk: SimulatedDisk, freeBytes: number): void {
  disk.capacityBytes = disk.usedBytes + freeBytes;
}

async function worldOn(disk: SimulatedDisk, settings: Record<string, number>, log = silentLog) {
  const clock = new VirtualClock({ settle: turn });
  return openWorld(disk, { clock, settings, log });
}

describe("log.disk.reserve.bytes", () => {
  test("refuses appends early; reads, deletions and checkpoints go on", async () => {
    const disk = new SimulatedDisk();
    const { log, lines } = keptLog();
    leave(disk, 5_000_000);
    const world = await worldOn(disk, { "log.disk.reserve.bytes": 1_000_000 }, log);
    const partition = await world.open();
    await append(partition, ["one", "two"]);
    leave(disk, 1_000_010);
    await world.clock.advance(1_000);
    for (let count = 0; count < 3; count += 1) {
      expect(() => partition.append(batchOf(["more"]), { origin: "client" })).toThrow(full);
      await world.clock.advance(1_000);
    }
    expect(await readValues(partition)).toEqual(["one", "two"]);
    expect(await partition.deleteRecordsBefore(1)).toBe(1);
    await world.directory.checkpoint();
    expect(lines.filter((line) => line.startsWith("appends are refused"))).toHaveLength(1);
    expect(world.directory.health).toMatchObject({ refusedAppends: 3, freeBytes: 1_000_010 });
  });

  test("lets the broker's own records use a part of it", async () => {
    const disk = new SimulatedDisk();
    leave(disk, 600_000);
    const world = await worldOn(disk, { "log.disk.reserve.bytes": 1_000_000 });
    const partition = await world.open();
    expect(() => partition.append(batchOf(["client"]), { origin: "client" })).toThrow(full);
    expect(partition.append(batchOf(["offset"]), own).baseOffset).toBe(0);
    leave(disk, 400_000);
    await world.clock.advance(1_000);
    expect(() => partition.append(batchOf(["offset"]), own)).toThrow(full);
  });

  test("counts what came since the last look", async () => {
    const disk = new SimulatedDisk();
    leave(disk, 5_000_000);
    const world = await worldOn(disk, { "log.disk.reserve.bytes": 1_000_000 });
    const partition = await world.open();
    leave(disk, 1_000_000 + 250);
    await world.clock.advance(1_000);
    const batch = batchOf(["x".repeat(20)]);
    const count = Math.floor(250 / batch.length);
    for (let index = 0; index < count; index += 1) await append(partition, ["x".repeat(20)]);
    await expect(append(partition, ["x".repeat(20)])).rejects.toThrow("log.disk.reserve.bytes");
  });

  test("appends are taken again, without a restart, once there is space", async () => {
    const disk = new SimulatedDisk();
    const { log, lines } = keptLog();
    leave(disk, 50_000_000);
    const world = await worldOn(disk, {}, log);
    const partition = await world.open();
    leave(disk, 5);
    await world.clock.advance(1_000);
    await expect(append(partition, ["refused"])).rejects.toMatchObject({ code: "DISK_FULL" });
    leave(disk, 1_000_000_000);
    await world.clock.advance(1_000);
    expect(await append(partition, ["taken"])).toBe(0);
    expect(lines.at(-1)).toBe("there is room again: appends are taken");
  });
});

describe("log.disk.max.bytes", () => {
  const settings = { "log.disk.max.bytes": 1_048_576 };
  const value = "x".repeat(100_000);

  test.each([
    ["a disk", () => new SimulatedDisk()],
    ["memory", () => memoryDisk()],
  ])("caps all files together, on %s; what is deleted gives room again", async (_, make) => {
    const clock = new VirtualClock({ settle: turn });
    const world = await openWorld(make(), { clock, settings });
    const [one, other] = [await world.open("one"), await world.open("other")];
    let count = 0;
    const fill = async (): Promise<void> => {
      for (; ; count += 1) await append(count % 2 === 0 ? one : other, [value]);
    };
    await expect(fill()).rejects.toThrow("log.disk.max.bytes");
    expect(count).toBe(10);
    expect(world.directory.health.usedBytes).toBeGreaterThan(1_000_000);
    await world.directory.removePartition({ name: "one", id: new Uint8Array(16) }, 0);
    await clock.advance(61_000);
    expect(await append(other, [value])).toBe(5);
  });

  test("who can make room is told when appends begin to be refused", async () => {
    const clock = new VirtualClock({ settle: turn });
    const world = await openWorld(new SimulatedDisk(), { clock, settings });
    const limits = { "internal.segment.bytes": 150_000, "retention.bytes": 300_000 };
    const partition = await world.open("one", { ...limits, "file.delete.delay.ms": 60_000 });
    let told = 0;
    world.directory.health.onFull(() => (told += 1));
    for (let tries = 0; tries < 20; tries += 1) await append(partition, [value]).catch(() => {});
    expect(told).toBe(1);
    const { end } = partition;
    await partition.applyRetention(clock.nowMs());
    await clock.advance(2_000);
    expect(await append(partition, [value])).toBe(end);
  });

  test("what lies in the directory at the start counts", async () => {
    const disk = new SimulatedDisk();
    const first = await openWorld(disk);
    const filled = await first.open("one");
    for (let count = 0; count < 11; count += 1) await append(filled, [value]);
    const world = await worldOn(disk.afterKill(), settings);
    const partition = await world.open("one");
    await expect(append(partition, ["more"])).rejects.toThrow("log.disk.max.bytes");
    expect(await readValues(partition)).toHaveLength(11);
  });
});
