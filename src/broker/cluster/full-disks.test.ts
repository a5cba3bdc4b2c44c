import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { alterReassignment } from "../reassignment/alter-reassignment.ts";
import type { PlacedPartition } from "./replicas/placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const capacityBytes = 1_000_000_000;
const watched = { "log.disk.check.interval.ms": 1_000 };

/** Three nodes; the one of that id has room that the test takes and gives. */
async function openWithSmall(id: number) {
  world = new ClusterWorld(3);
  const disk = new SimulatedDisk({ capacityBytes, nowMs: () => world.clock.nowMs() });
  for (const each of [1, 2, 3]) await world.start(each, watched, each === id ? disk : undefined);
  const assignments = [{ index: 0, replicas: [1, 2, 3] }];
  const configs = new Map([["min.insync.replicas", "2"]]);
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1, configs });
  await world.driveUntil("the chain is whole", () => isWhole(1));
  return { disk, makeRoom: () => (disk.capacityBytes = capacityBytes) };
}

/** As `openWithSmall`; there is no room any more. */
async function openWithFull(id: number) {
  const { disk, makeRoom } = await openWithSmall(id);
  const { freeBytes = 0 } = (await disk.space()) ?? {};
  disk.capacityBytes -= freeBytes;
  await world.tick(2_000);
  return { makeRoom };
}

const at = (id: number) => world.node(id).topic("orders")?.partitions[0] as PlacedPartition;
const isLedBy = (id: number) => at(id)?.absence === undefined;
const isWhole = (id: number) => isLedBy(id) && at(id).inSyncCount === 3;
const send = (id: number) => world.send(id, "orders", batchOf(["a"]), { timeoutMs: 60_000 });
const told = async (id: number) => {
  const { nodes } = await world.drive(world.node(2).broker.administration!.status());
  return nodes.find(({ nodeId }) => nodeId === id)?.isFull;
};

test("what a node with a full disk leads is led by another one until it has room", async () => {
  const { makeRoom } = await openWithFull(1);
  expect((await send(1)).error?.code).toBe("DISK_FULL");
  await world.driveUntil("node 2 leads", () => isLedBy(2), { withinMs: 10_000 });
  expect(await told(1)).toBe(true);
  expect((await send(2)).error).toBeUndefined();
  expect(at(2).inSyncCount).toBe(2);
  makeRoom();
  await world.driveUntil("it has all again", () => isWhole(2), { withinMs: 60_000 });
  expect(await told(1)).toBe(false);
  expect(at(1).findReplica()?.end).toBe(1);
});

test("a replica on a full disk is left out at once, and not tried until it has room", async () => {
  const { makeRoom } = await openWithFull(3);
  const startMs = world.clock.monotonicMs();
  expect((await send(1)).error).toBeUndefined();
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(2_000);
  expect(at(1).inSyncCount).toBe(2);
  await world.driveUntil("it is told", () => world.node(2).cluster.image.node(3)?.isFull === true);
  await world.tick(5_000);
  const { leaderEpoch } = at(1);
  await world.tick(200_000);
  expect(at(1)).toMatchObject({ leaderEpoch, inSyncCount: 2 });
  makeRoom();
  await world.driveUntil("it has all again", () => isWhole(1), { withinMs: 60_000 });
  expect(at(3).findReplica()?.end).toBe(1);
});

test("what moved away from a full disk goes soon after, however its chain changed", async () => {
  const { disk, makeRoom } = await openWithSmall(3);
  expect((await send(1)).error).toBeUndefined();
  disk.capacityBytes = 0;
  const hasFiles = async () => (await disk.list("")).some(({ name }) => name === "orders-0");
  for (const replicas of [[1, 2], [1], [1, 2], [1], [1, 2], [1]]) {
    const ask = { topic: "orders", partition: 0, replicas, mayResize: true };
    await world.drive(alterReassignment(world.node(1).broker, ask));
    const isDone = () => at(1).inSyncCount === replicas.length;
    await world.driveUntil("it has moved", isDone, { withinMs: 2_000 });
  }
  expect(await hasFiles()).toBe(true);
  makeRoom();
  await world.driveUntil("it is gone", async () => !(await hasFiles()), { withinMs: 11_000 });
});
