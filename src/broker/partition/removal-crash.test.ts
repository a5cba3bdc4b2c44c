import { expect, test } from "vitest";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { append, openWorld } from "../../../test/support/log-directory.ts";
import { XylemError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { encodeUtf8 } from "../../base/text.ts";
import type { Partition } from "./partition.ts";

const segmented = { "internal.segment.bytes": 100 };
const laterTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

/** A disk whose partition has three segments of one record, and the way to its checkpoint. */
async function threeSegments(): Promise<{
  disk: SimulatedDisk;
  partition: Partition;
  checkpoint: () => Promise<void>;
}> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", segmented);
  for (const value of ["a", "b", "c"]) await append(partition, [value]);
  await world.directory.checkpoint();
  return { disk, partition, checkpoint: () => world.directory.checkpoint() };
}

async function logStartAfterPowerCut(disk: SimulatedDisk): Promise<number> {
  const left = disk.afterPowerCut(new SeededRandom(1));
  return (await (await openWorld(left)).open("orders", segmented)).logStart;
}

test("deleted records stay deleted when the power goes while a reader has their file", async () => {
  const { disk, partition, checkpoint } = await threeSegments();
  const reader = gate();
  disk.fault = (operation) => (operation === "read" ? reader.passed : undefined);
  const reading = partition.read(0, { sizeBytesMax: 100, wholeFirst: true, upTo: 3 });
  const deleting = partition.deleteRecordsBefore(2);
  await laterTurn();
  await checkpoint();
  disk.fault = () => undefined;
  expect(await logStartAfterPowerCut(disk)).toBe(2);
  reader.open();
  await Promise.all([reading, deleting]);
});

test("a second deletion of the same records is answered once the first is durable", async () => {
  const { disk, partition } = await threeSegments();
  const storing = gate();
  disk.fault = (operation, path) =>
    operation === "rename" && path.startsWith("log-start") ? storing.passed : undefined;
  const first = partition.deleteRecordsBefore(2);
  let isAnswered = false;
  const second = partition.deleteRecordsBefore(2).then(() => (isAnswered = true));
  await laterTurn();
  expect(isAnswered).toBe(false);
  storing.open();
  await Promise.all([first, second]);
});

test("deleted records stay deleted when those behind them were lost, twice", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", { durability: "os" });
  for (const value of ["a", "b", "c"]) await append(partition, [value]);
  await partition.deleteRecordsBefore(2);
  const left = disk.afterKill();
  const log = "orders-0/00000000000000000000.log";
  left.poke(log, left.peek(log).slice(0, 100));
  const again = await openWorld(left);
  const shorter = await again.open("orders", { durability: "os" });
  expect([shorter.logStart, shorter.end]).toEqual([2, 2]);
  await shorter.deleteRecordsBefore(2);
  for (let seed = 1; seed <= 20; seed += 1) {
    const rest = await openWorld(left.afterPowerCut(new SeededRandom(seed)));
    const last = await rest.open("orders", { durability: "os" });
    expect([last.logStart, last.end]).toEqual([2, 2]);
  }
});

test("what is acknowledged in a segment that a crash left empty outlives a power cut", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  await append(await world.open("orders", { "segment.records": 1 }), ["a"]);
  await world.directory.checkpoint();
  const killed = disk.afterKill();
  await killed.open("orders-0/00000000000000000001.log", { create: true });
  const again = await openWorld(killed);
  expect(await append(await again.open("orders", { "segment.records": 1 }), ["b"])).toBe(1);
  for (let seed = 1; seed <= 20; seed += 1) {
    const left = await openWorld(killed.afterPowerCut(new SeededRandom(seed)));
    expect((await left.open("orders")).end).toBe(2);
  }
});

test("a segment that could not be removed goes at the next check after a start", async () => {
  const { disk, partition } = await threeSegments();
  const failed = new XylemError("KAFKA_STORAGE_ERROR", "listing: i/o error");
  disk.fault = (operation) => (operation === "list" ? Promise.reject(failed) : undefined);
  await expect(partition.deleteRecordsBefore(2)).rejects.toThrow(failed);
  const again = await openWorld(disk.afterKill());
  const reopened = await again.open("orders", segmented);
  expect((await reopened.retained()).map(({ baseOffset }) => baseOffset)).toEqual([0, 1, 2]);
  await reopened.applyRetention(again.clock.nowMs());
  expect((await reopened.retained()).map(({ baseOffset }) => baseOffset)).toEqual([2]);
});

test("a log whose records all went keeps its leader epoch through starts", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  await append(await world.open("orders"), ["a"]);
  await world.directory.close();
  disk.poke("orders-0/leader-epoch-checkpoint", encodeUtf8("0\n1\n7 0\n"));
  let left = disk.afterKill();
  for (let start = 0; start < 3; start += 1) {
    const next = await openWorld(left);
    const partition = await next.open("orders");
    expect(partition.leaderEpoch).toBe(7);
    await partition.deleteRecordsBefore(-1);
    expect(partition.epochAt(partition.logStart)).toBe(7);
    if (start < 2) await next.directory.close();
    left = left.afterKill();
  }
});
