import { expect, test } from "vitest";
import { append, topicId } from "../../../../test/support/log-directory.ts";
import { openLazyWorld } from "../../../../test/support/lazy-storage.ts";
import { appendHeld, TestGovernor } from "../../../../test/support/replicas.ts";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Replica } from "../replica/replica.ts";
import type { LazyStorage } from "./lazy-storage.ts";

const key = { name: "orders", id: topicId, isDense: true };
const idle = { "log.partition.idle.ms": 1_000 };

async function openReplica(storage: LazyStorage): Promise<Replica> {
  const replica = await storage.openReplica(key, 0, defaultTopicSettings);
  replica.govern(new TestGovernor());
  replica.beginEpoch(1);
  return replica;
}

test("a replica stays open though nobody uses it, and background work finds it", async () => {
  const { storage, clock } = await openLazyWorld(new SimulatedDisk(), { settings: idle });
  const replica = await openReplica(storage);
  await appendHeld(replica, ["a"]);
  await clock.advance(10_000);
  expect(await appendHeld(replica, ["b"])).toBe(1);
  const find = async (log: unknown): Promise<boolean> => log === replica.log;
  expect(await storage.use("orders", 0, find)).toBe(true);
  expect(await storage.background.use("orders", 0, find)).toBe(true);
  await clock.advance(10_000);
  expect(await appendHeld(replica, ["c"])).toBe(2);
});

test("what a replica had not committed is not committed after a stop either", async () => {
  const disk = new SimulatedDisk();
  const { storage } = await openLazyWorld(disk);
  const first = await openReplica(storage);
  await appendHeld(first, ["a"]);
  await appendHeld(first, ["b"]);
  first.commit(1);
  await storage.close();
  const again = await openLazyWorld(disk);
  const next = await openReplica(again.storage);
  expect([next.committed, next.end]).toEqual([1, 2]);
});

test("a replica that is removed leaves nothing to one that comes after it", async () => {
  const disk = new SimulatedDisk();
  const { storage } = await openLazyWorld(disk);
  await appendHeld(await openReplica(storage), ["a"]);
  await storage.removePartition(key, 0);
  expect(await storage.use("orders", 0, async () => true)).toBeUndefined();
  const next = await openReplica(storage);
  expect([next.committed, next.end, next.rememberedCommitted]).toEqual([0, 0, 0]);
});

test("a log of one node goes on as a replica, and a replica's as a log of one node", async () => {
  const disk = new SimulatedDisk();
  const alone = await openLazyWorld(disk);
  const log = await alone.find();
  await log.load();
  await append(log, ["a"]);
  await alone.storage.close();
  const chained = await openLazyWorld(disk);
  const replica = await openReplica(chained.storage);
  expect([replica.committed, replica.end]).toEqual([1, 1]);
  await appendHeld(replica, ["b"]);
  await chained.storage.close();
  const again = await openLazyWorld(disk);
  const last = await again.find();
  await last.load();
  expect([last.committed, last.end, last.leaderEpoch]).toEqual([2, 2, 1]);
});
