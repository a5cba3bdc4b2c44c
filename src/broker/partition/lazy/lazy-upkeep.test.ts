import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { openLazyWorld } from "../../../../test/support/lazy-storage.ts";
import { append, readValues } from "../../../../test/support/log-directory.ts";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const hourMs = 3_600_000;
const small = { "internal.segment.bytes": 100, "retention.ms": hourMs, "file.delete.delay.ms": 0 };
const logPath = "orders-0/00000000000000000000.log";

/** Time that leaves turns to work in the background. */
const patientClock = (): VirtualClock => new VirtualClock({ settle: () => turn() });

/** Three records, each in a segment of its own, after a stop in order. */
async function stopped(settings: object = small): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { storage, find, clock } = await openLazyWorld(disk, { clock: patientClock() });
  const partition = await find("orders", settings);
  for (const value of ["one", "two", "three"]) {
    await append(partition, [value], { key: value, timestampMs: clock.nowMs() });
  }
  await storage.close();
  return disk;
}

test("a shut partition is opened for retention when it is due, not before", async () => {
  const disk = await stopped();
  const clock = patientClock();
  const partition = await (await openLazyWorld(disk, { clock })).find("orders", small);
  await clock.advance(hourMs);
  expect(await partition.applyRetention(clock.nowMs())).toBeUndefined();
  expect(partition.opened).toBeUndefined();
  await clock.advance(1);
  expect(await partition.applyRetention(clock.nowMs())).toMatchObject({ logStart: 0 });
  expect([partition.logStart, partition.end]).toEqual([3, 3]);
  await clock.advance(10 * hourMs);
  expect(partition.opened).toBeUndefined();
  expect([partition.logStart, partition.end, partition.sizeBytes]).toEqual([3, 3, 0]);
});

test("settings that are others at the next start count for a shut partition at once", async () => {
  const disk = await stopped({ ...small, "retention.ms": 100 * hourMs });
  const clock = patientClock();
  const { find, storage } = await openLazyWorld(disk, { clock });
  const partition = await find("orders", small);
  await clock.advance(hourMs + 1);
  await partition.applyRetention(clock.nowMs());
  expect([partition.logStart, partition.end]).toEqual([3, 3]);
  await storage.close();
});

test("a start that was not in order looks at every partition by itself, once", async () => {
  const disk = await stopped();
  const first = await openLazyWorld(disk, { clock: patientClock() });
  const before = await first.find("orders", small);
  await before.load();
  await append(before, ["four"]);
  const left = disk.afterKill();
  left.poke("orders-0/00000000000000000003.log", new Uint8Array(40).fill(1));
  left.poke("recovery-point-offset-checkpoint", new Uint8Array(0));
  const clock = patientClock();
  const { find, storage, directory } = await openLazyWorld(left, { clock });
  const partition = await find("orders", small);
  expect([partition.facts, directory.wasClean]).toEqual([undefined, false]);
  await clock.advance(10_000);
  expect([partition.opened, partition.facts?.end]).toEqual([undefined, 3]);
  await storage.close();
  expect((await openLazyWorld(left)).directory.wasClean).toBe(true);
});

test("files that were changed by hand after a stop in order are told of", async () => {
  const compacted = { ...small, "cleanup.policy": ["compact"] } as const;
  const removed = async (disk: SimulatedDisk): Promise<void> => {
    for (const path of disk.paths()) if (path.endsWith(".log")) await disk.remove(path);
  };
  const cut = async (disk: SimulatedDisk): Promise<void> => {
    const file = await disk.open(logPath, { create: false });
    await file.truncate(0);
  };
  for (const spoil of [removed, cut]) {
    const disk = await stopped(compacted);
    const log = new KeptLog();
    const partition = await (await openLazyWorld(disk, { log })).find("orders", compacted);
    await spoil(disk);
    await partition.load();
    const told = log.withLevel("error").map(({ fields }) => fields);
    expect(told).toContainEqual(expect.objectContaining({ topic: "orders", endOffset: 3 }));
    expect(await append(partition, ["four"], { key: "four" })).toBe(3);
    expect(await readValues(partition, partition.logStart)).not.toContain("one");
  }
});
