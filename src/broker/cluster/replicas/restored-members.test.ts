import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import { parseChainConfig } from "../../../replication/chain-config.ts";
import { Cancellation } from "../../ports/compactor.ts";
import type { Disk } from "../../ports/disk.ts";
import { readEntry } from "../../ports/read-entry.ts";
import { alterReassignment } from "../../reassignment/alter-reassignment.ts";
import type { PlacedPartition } from "./placed-partition.ts";
import { restoredKey } from "./restored-mark.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];

const partitionAt = (id: number) =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition | undefined;
const headId = (ids = all): number =>
  ids.find((id) => partitionAt(id) !== undefined && partitionAt(id)?.absence === undefined) ?? -1;
const configAt = (id: number) => [...world.node(id).cluster.image.chains.values()][0]?.config;

async function openAt(replicas: readonly number[]): Promise<void> {
  world = await ClusterWorld.open(3);
  const assignments = [{ index: 0, replicas }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.driveUntil("there is a head", () => headId() > 0);
}

async function append(value: string): Promise<number> {
  const batch = await world.send(headId(), "orders", batchOf([value]));
  expect(batch.error).toBeUndefined();
  return batch.appended?.baseOffset ?? -1;
}

async function moveTo(ids: readonly number[]): Promise<void> {
  const ask = { topic: "orders", partition: 0, replicas: ids, mayResize: true };
  await world.drive(alterReassignment(world.node(1).broker, ask));
  await world.driveUntil("it has moved", () => configAt(1)?.replicas.join() === ids.join());
}

async function untilMovedAway(): Promise<void> {
  await world.driveUntil("node 3 leads", () => headId() === 3);
  await world.driveUntil("node 2 has none", () => partitionAt(2)?.placement.log === undefined);
}

/** From node 2, with a record, to node 3. Answers what was backed up before. */
async function openAndMoveAway(): Promise<ReturnType<ClusterWorld["store"]["backUp"]>> {
  await openAt([2]);
  expect(await append("a")).toBe(0);
  const backup = world.store.backUp();
  // No record is written in any later epoch: no log shows that there was one.
  await moveTo([3]);
  await untilMovedAway();
  return backup;
}

test("who gave up a replica is not taken for its chain when a backup names it again", async () => {
  const backup = await openAndMoveAway();
  const served = new Set<number>();
  world.store.restore(backup);
  await world.driveUntil("it is where the backup says, with all it had", () => {
    const at = headId([1, 2]);
    if (at > 0) served.add(partitionAt(at)?.end ?? -1);
    return at === 2;
  });
  expect([...served]).toEqual([1]);
  expect(await append("b")).toBe(1);
});

test("nor when all nodes were stopped for the restore and it is the first to start", async () => {
  const backup = await openAndMoveAway();
  const former = all.map((id) => world.node(id));
  for (const node of former) node.crash();
  world.store.restore(backup);
  for (const { id, disk } of former.slice(0, 2)) await world.drive(world.start(id, {}, disk));
  for (let step = 0; step < 600; step += 1) {
    await world.tick(50);
    expect(headId([1, 2])).toBe(-1);
  }
  await world.drive(world.start(3, {}, former[2]?.disk));
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("b")).toBe(1);
});

/** Record "b" is on nodes 1 and 2, and newer than the restored backup. Answers the three disks. */
async function openAndStopAll(): Promise<readonly Disk[]> {
  await openAt(all);
  expect(await append("a")).toBe(0);
  const backup = world.store.backUp();
  const former = all.map((id) => world.node(id));
  former[2]?.crash();
  await world.driveUntil("it is cut", () => configAt(1)?.members.length === 2);
  expect(await append("b")).toBe(1);
  for (const node of former.slice(0, 2)) node.crash();
  world.store.restore(backup);
  return former.map(({ disk }) => disk);
}

async function watchNode3(forMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < forMs; passedMs += 50) {
    await world.tick(50);
    expect(headId([3])).toBe(-1);
  }
}

/** Keeps what is opened on a disk for the partition waiting, until it is called. */
function delay(disk: Disk): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const open = disk.open.bind(disk);
  disk.open = async (path, options) => {
    if (path.startsWith("orders-0/")) await promise;
    return await open(path, options);
  };
  return resolve;
}

test("who was away does not go on alone while those stopped with it come", async () => {
  const disks = await openAndStopAll();
  await world.drive(world.start(3, {}, disks[2]));
  await watchNode3(8_000);
  for (const id of [1, 2]) await world.drive(world.start(id, {}, disks[id - 1]));
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("c")).toBe(2);
});

test("nor while they recover their logs, however long it took itself", async () => {
  const disks = await openAndStopAll();
  const release = disks.map((disk) => delay(disk));
  const starting = all.map((id) => world.start(id, {}, disks[id - 1]));
  await world.tick(12_000);
  release[2]?.();
  await world.drive(starting[2] as Promise<unknown>);
  await watchNode3(20_000);
  for (const go of release) go();
  await world.drive(Promise.all(starting));
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("c")).toBe(2);
});

test("nor does one whose own start took long, before they come", async () => {
  const disks = await openAndStopAll();
  const release = delay(disks[2] as Disk);
  const starting = world.start(3, {}, disks[2]);
  await world.tick(12_000);
  release();
  await world.drive(starting);
  await watchNode3(5_000);
  for (const id of [1, 2]) await world.drive(world.start(id, {}, disks[id - 1]));
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("c")).toBe(2);
});

test("nor when the backup has the last epoch in which it had one", async () => {
  await openAt([2]);
  expect(await append("a")).toBe(0);
  const ask = { topic: "orders", partition: 0, replicas: [3], mayResize: true };
  const moving = alterReassignment(world.node(1).broker, ask);
  let backup = world.store.backUp();
  world.store.onChanged(() => {
    const both = [...world.store.backUp().entries].some(([key, { value }]) => {
      return key.startsWith("chains/") && parseChainConfig(key, value).members.length === 2;
    });
    if (both) backup = world.store.backUp();
  });
  await world.drive(moving);
  await untilMovedAway();
  const { disk } = world.node(3);
  world.node(3).crash();
  world.store.restore(backup);
  for (let step = 0; step < 600; step += 1) {
    await world.tick(50);
    expect(headId([1, 2])).toBe(-1);
  }
  await world.drive(world.start(3, {}, disk));
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("b")).toBe(1);
});

test("after a restore nothing is served in an epoch of the backup, nor in one since", async () => {
  await openAt([1, 2]);
  expect(await append("a")).toBe(0);
  const backup = world.store.backUp();
  await world.coordinator.transact([], [{ key: "of others", value: "" }]);
  await world.tick(500);
  world.store.restore(backup);
  await world.tick(1_000);
  expect(headId()).toBe(-1);
  await world.driveUntil("it goes on", () => headId() > 0);
  expect(await append("b")).toBe(1);
  expect(configAt(1)?.epoch).toBeGreaterThan(10_000);
  // What is made afterwards is of no backup.
  await world.create(1, "later", { replicas: 2 });
  await world.tick(500);
  const later = all.map((id) => world.node(id).topic("later")?.partitions[0] as PlacedPartition);
  expect(later.filter(({ absence }) => absence === undefined)).toHaveLength(1);
});

test("a backup that comes back a second time is marked a second time", async () => {
  await openAt([1, 2]);
  const marks: (string | null | undefined)[] = [];
  const mark = async (): Promise<string | null | undefined> => {
    return (await world.drive(readEntry(world.coordinator, restoredKey)))?.value;
  };
  let backup = world.store.backUp();
  for (const time of ["the first", "the second", "the third"]) {
    await world.coordinator.transact([], [{ key: "of others", value: time }]);
    await world.tick(500);
    world.store.restore(backup);
    await world.tick(2_000);
    marks.push(await mark());
    await world.driveUntil("it goes on", () => headId() > 0);
    // That of the second and third time has the first one's mark.
    if (time === "the first") backup = world.store.backUp();
  }
  expect(marks).not.toContain(undefined);
  expect(new Set(marks).size).toBe(3);
});

test("a coordinator that is filled key by key, with small revisions, is a backup", async () => {
  await openAt([1, 2]);
  const first = world.store.backUp();
  await world.coordinator.transact([], [{ key: "of others", value: "" }]);
  world.store.restore(first);
  await world.tick(1_000);
  await world.driveUntil("it goes on", () => headId() > 0);
  expect(await append("a")).toBe(0);
  const kept = [...world.store.backUp().entries].filter(([, { lease }]) => lease === undefined);
  const entries = kept.map(
    ([key, { value }], at) => [key, { key, value, revision: at + 1 }] as const,
  );
  world.store.restore({ revision: entries.length, entries: new Map(entries) });
  await world.tick(1_000);
  expect(headId()).toBe(-1);
  await world.driveUntil("it goes on again", () => headId() > 0);
  expect(await append("b")).toBe(1);
});

test("a mark that goes back by itself is written anew, above all that were seen", async () => {
  await openAt([1, 2]);
  const era = async (value: string | null): Promise<string | undefined> => {
    await world.coordinator.transact([], [{ key: restoredKey, value }]);
    await world.tick(2_000);
    return world.store.find(restoredKey)?.value;
  };
  expect(await era('{"era":7}')).toBe('{"era":7}');
  expect(await era('{"era":3}')).toBe('{"era":8}');
  expect(await era(null)).toBe('{"era":9}');
  expect(await era("what a hand wrote")).toBe('{"era":10}');
});

/** A bit flips in what a node has of the partition, and is found. */
async function rot({ disk, broker }: ClusterNode): Promise<void> {
  const file = await disk.open("orders-0/00000000000000000000.log", { create: false });
  const bytes = (await file.read(0, file.sizeBytes)).slice();
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await file.truncate(0);
  await file.append([bytes]);
  await file.close();
  const watch = { cancellation: new Cancellation(), progress: () => undefined };
  await world.drive(broker.scrubbing.run("orders", watch));
}

test("who mends its log as the coordinator goes back does not take the backup's word", async () => {
  await openAt([1, 2]);
  expect(await append("a")).toBe(0);
  const backup = world.store.backUp();
  await moveTo([1, 2, 3]);
  await world.driveUntil("all are members", () => configAt(2)?.members.length === 3);
  const epoch = configAt(2)?.epoch;
  const { disk } = world.node(2);
  const rename = disk.rename.bind(disk);
  const mended = Promise.withResolvers<void>();
  let isMending = false;
  disk.rename = async (from, to) => {
    if (to.endsWith("xylem-truncation")) {
      isMending = true;
      await mended.promise;
    }
    await rename(from, to);
  };
  await rot(world.node(2));
  await world.driveUntil("it is cut", () => isMending);
  world.store.restore(backup);
  await world.driveUntil("the old state is seen", () => configAt(2)?.epoch === 1);
  mended.resolve();
  await world.tick(2_000);
  const known = decodeUtf8((await disk.readFile("xylem.chains")) ?? new Uint8Array());
  expect(known.split(" ")[1]).toBe(`${epoch}`);
});
