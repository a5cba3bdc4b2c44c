import { expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  openWorld,
  readRecords,
} from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { PartitionLog } from "../partition-log.ts";

const compacted = { "cleanup.policy": ["compact"] } as const;
const full = new XylemError("DISK_FULL", "the disk is full");

/** Sends a batch that lies behind a gap, as a mirror does. */
function mirror(log: PartitionLog, baseOffset: number): Promise<void> {
  const batch = batchOf(["mirrored"], { baseOffset, key: "m" });
  log.append(batch, { origin: "mirror", expectedEnd: log.end });
  return committed(log, baseOffset + 1);
}

async function offsetsOf(log: PartitionLog): Promise<number[]> {
  return (await readRecords(log, log.logStart)).map(({ offset }) => offset);
}

test.each(["fsync", "os"] as const)("%s: one refused leaves no byte behind", async (durability) => {
  for (const isStuck of [false, true]) {
    const disk = new SimulatedDisk();
    const log = await (await openWorld(disk)).open("orders", { ...compacted, durability });
    await append(log, ["first"], { key: "a" });
    disk.fault = (operation, path) => {
      const isNext = operation === "open" && path.endsWith("6.log");
      if (isNext || (isStuck && operation === "truncate")) throw full;
      return undefined;
    };
    await expect(mirror(log, 5)).rejects.toThrow(full.message);
    disk.fault = () => undefined;
    // What can not be taken back would lie before what comes next.
    expect(log.stopped?.code).toBe(isStuck ? "KAFKA_STORAGE_ERROR" : undefined);
    const own = isStuck ? [] : [await append(log, ["own"], { key: "own" })];
    const again = await (await openWorld(disk.afterKill())).open("orders", compacted);
    expect(await offsetsOf(again)).toEqual([0, ...own]);
  }
});

test("one refused does not come back with the power", async () => {
  const random = new SeededRandom(7);
  for (let draw = 0; draw < 20; draw += 1) {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const log = await world.open("orders", compacted);
    await append(log, ["first"], { key: "a" });
    const path = `orders-0/${"0".repeat(20)}.log`;
    const before = disk.peek(path);
    disk.fault = (operation, opened) => {
      if (operation === "open" && opened.endsWith("6.log")) throw full;
      return undefined;
    };
    await expect(mirror(log, 5)).rejects.toThrow(full.message);
    disk.fault = () => undefined;
    await world.directory.close();
    expect(disk.afterPowerCut(random).peek(path)).toEqual(before);
  }
});

test("a flush that fails for want of room before it stops the partition as any", async () => {
  const random = new SeededRandom(3);
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: { "log.flush.parallel": 1 } });
  const other = await world.open("other");
  const log = await world.open("orders", compacted);
  await append(log, ["first"], { key: "a" });
  const gate = Promise.withResolvers<void>();
  let failed = 0;
  disk.fault = (operation, path) => {
    if (operation !== "sync" || !path.endsWith(".log")) return undefined;
    if (path.startsWith("other")) return gate.promise;
    if (failed > 0) return undefined;
    failed += 1;
    disk.loseCache(path, random);
    throw full;
  };
  other.append(batchOf(["busy"]), { origin: "client" });
  await turns();
  // Written, while the one flush that may go on is the other one's.
  log.append(batchOf(["own".repeat(400)], { key: "own" }), { origin: "client" });
  const own = committed(log, 2);
  await turns();
  const mirrored = mirror(log, log.end + 3);
  const ended = Promise.allSettled([own, mirrored]);
  await turns();
  gate.resolve();
  expect((await ended).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect([failed, log.stopped?.code]).toEqual([1, "KAFKA_STORAGE_ERROR"]);
  const again = await (await openWorld(disk.afterPowerCut(random))).open("orders", compacted);
  expect([again.end, await offsetsOf(again)]).toEqual([1, [0]]);
});

test("a power cut takes no name before a later one", async () => {
  const random = new SeededRandom(5);
  let isOver = false;
  for (let last = 1; !isOver; last += 1) {
    for (let draw = 0; draw < 20; draw += 1) {
      const disk = new SimulatedDisk();
      const log = await (await openWorld(disk)).open("orders", compacted);
      const cut = Promise.withResolvers<SimulatedDisk>();
      let count = 0;
      disk.fault = () => {
        count += 1;
        if (count !== last) return undefined;
        cut.resolve(disk.afterPowerCut(random));
        disk.die();
        return new Promise(() => {});
      };
      const left = await Promise.race([cut.promise, mirror(log, 5)]);
      isOver = left === undefined;
      if (left === undefined) continue;
      const again = await (await openWorld(left)).open("orders", compacted);
      expect([again.end, await offsetsOf(again)]).toEqual(again.end === 0 ? [0, []] : [6, [5]]);
    }
  }
});

test("what was written before is on the disk with it, older segments too", async () => {
  const random = new SeededRandom(11);
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: { "log.flush.parallel": 1 } });
  const other = await world.open("other");
  const segmented = { ...compacted, "segment.records": 1 };
  const log = await world.open("orders", { ...segmented, durability: "os" });
  const gate = Promise.withResolvers<void>();
  disk.fault = (operation, path) =>
    operation === "sync" && /^other.*log$/.test(path) ? gate.promise : undefined;
  other.append(batchOf(["busy"]), { origin: "client" });
  await turns();
  for (const key of ["a", "b"]) await append(log, [key], { key });
  log.configure({ ...log.settings, "segment.records": 10, durability: "fsync" });
  const cuts: SimulatedDisk[] = [];
  disk.fault = (operation, path) => {
    if (operation !== "open" || !path.endsWith("7.log")) return undefined;
    for (let draw = 0; draw < 20; draw += 1) cuts.push(disk.afterPowerCut(random));
    return undefined;
  };
  const mirrored = mirror(log, 6);
  await turns();
  gate.resolve();
  await mirrored;
  expect(cuts).toHaveLength(20);
  for (const left of cuts) {
    const again = await (await openWorld(left)).open("orders", compacted);
    expect((await offsetsOf(again)).slice(0, 2)).toEqual([0, 1]);
  }
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
