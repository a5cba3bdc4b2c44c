import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { formatChainConfig, parseChainConfig } from "../../../replication/chain-config.ts";
import type { CoordinatorEntry } from "../../ports/coordinator.ts";
import { alterReassignment } from "../../reassignment/alter-reassignment.ts";
import type { PlacedPartition } from "./placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

async function open(replicas: readonly number[]): Promise<void> {
  world = await ClusterWorld.open(3);
  const assignments = [{ index: 0, replicas }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.driveUntil("there is a head", () => headId() > 0);
}

const partitionAt = (id: number) =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition | undefined;
const headId = (ids = [1, 2, 3]): number =>
  ids.find((id) => partitionAt(id) !== undefined && partitionAt(id)?.absence === undefined) ?? -1;
const replicas = (at = 1): readonly number[] =>
  [...world.node(at).cluster.image.chains.values()][0]?.config.replicas ?? [];

async function append(value: string): Promise<void> {
  const batch = await world.send(headId(), "orders", batchOf([value]));
  expect(batch.error).toBeUndefined();
}

async function move(to: readonly number[]): Promise<void> {
  const ask = { topic: "orders", partition: 0, replicas: to, mayResize: true };
  await world.drive(alterReassignment(world.node(1).broker, ask));
  await world.driveUntil("it has moved", () => replicas().join() === to.join());
}

async function hasFiles({ disk }: ClusterNode): Promise<boolean> {
  return (await disk.list("")).some(({ name }) => name === "orders-0");
}

test("what moved away while a node was down goes when it is back", async () => {
  await open([1, 2]);
  await append("a");
  const { disk } = world.node(2);
  world.node(2).crash();
  await world.driveUntil("node 2 is out", () => world.node(1).cluster.image.node(2) === undefined);
  await move([1, 3]);
  await world.drive(world.start(2, {}, disk));
  await world.driveUntil("its files are gone", async () => !(await hasFiles(world.node(2))));
  await append("b");
  expect(partitionAt(headId())?.committed).toBe(2);
});

test("a node that starts with more than a restored coordinator knows of keeps it", async () => {
  await open([1]);
  await append("a");
  const backup = world.store.backUp();
  await move([3]);
  await append("b");
  const { disk } = world.node(3);
  world.node(3).crash();
  await world.driveUntil("node 3 is out", () => world.node(1).cluster.image.node(3) === undefined);
  world.store.restore(backup);
  await world.driveUntil("the old state is seen", () => replicas().join() === "1");
  await world.drive(world.start(3, {}, disk));
  await world.driveUntil("there is a head", () => headId() > 0);
  await world.driveUntil("the chain goes on from it", () => partitionAt(headId())?.committed === 2);
  await world.driveUntil("it is where it is assigned", async () => {
    return headId() === 1 && !(await hasFiles(world.node(3)));
  });
  await append("c");
  expect(partitionAt(1)?.committed).toBe(3);
});

/** On the disk of node 2, which is down, with an old record and nothing to say whose it is. */
async function leaveBehind(): Promise<ClusterNode["disk"]> {
  await open([1, 2]);
  await append("old");
  const { disk } = world.node(2);
  world.node(2).crash();
  await world.driveUntil("node 2 is out", () => world.node(1).cluster.image.node(2) === undefined);
  const { topics } = world.node(1).broker;
  await world.drive(topics.delete("orders"));
  const blank = await disk.open("orders-0/partition.metadata", { create: false });
  await blank.truncate(0);
  await blank.close();
  return disk;
}

test("what a deleted topic left, with nothing to say so, is not its namesake's", async () => {
  const disk = await leaveBehind();
  await world.drive(world.start(2, {}, disk));
  const assignments = [{ index: 0, replicas: [2, 1] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.driveUntil("there is a head", () => headId() === 2);
  expect(partitionAt(2)?.placement.log?.end).toBe(0);
  await append("new");
  expect(partitionAt(2)?.committed).toBe(1);
});

test("nor where the namesake's chain has gone on when its member hears of it first", async () => {
  const disk = await leaveBehind();
  const assignments = [{ index: 0, replicas: [1] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  for (const id of [1, 3]) world.node(id).crash();
  const [chain] = (await world.coordinator.read("chains/")).entries;
  const { key, value } = chain as CoordinatorEntry;
  const config = parseChainConfig(key, value);
  const members = [...config.members, { id: 2, incarnation: "gone", lineage: "gone" }];
  const later = formatChainConfig({ ...config, epoch: 2, replicas: [1, 2], members });
  await world.coordinator.transact([], [{ key, value: later }]);
  await world.drive(world.start(2, {}, disk));
  await world.driveUntil("it is open", () => partitionAt(2)?.placement.log !== undefined);
  expect(partitionAt(2)?.placement.log?.end).toBe(0);
});

test("a partition whose chain is gone, as a deleted topic's, is served by nobody", async () => {
  await open([1, 2]);
  await append("a");
  const head = headId();
  const chains = (await world.coordinator.read("chains/")).entries;
  await world.coordinator.transact(
    [],
    chains.map(({ key }) => ({ key, value: null })),
  );
  await world.driveUntil(
    "the head has heard of it",
    () => world.node(head).cluster.image.chains.size === 0,
  );
  await world.tick(50);
  expect(partitionAt(head)?.absence).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
});
