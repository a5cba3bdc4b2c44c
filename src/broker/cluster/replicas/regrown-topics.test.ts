import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf, readValues } from "../../../../test/support/log-directory.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { type ChainConfig, chainKey } from "../../../replication/chain-config.ts";
import { ensureTopic } from "../../topics/ensure-topic.ts";
import type { PlacedPartition } from "./placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];
const older = ["a0", "a1", "a2", "a3", "a4", "a5"];
const newer = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"];

const partitionAt = (id: number, index = 1) =>
  world.node(id).topic("orders")?.partitions[index] as PlacedPartition | undefined;
const leads = (id: number, index = 1): boolean => {
  const partition = partitionAt(id, index);
  return partition !== undefined && partition.absence === undefined;
};
const headOf = (ids = all, index = 1): number => ids.find((id) => leads(id, index)) ?? -1;

function configOf(index = 1): ChainConfig | undefined {
  const node = world.node(1);
  const id = node.topic("orders")?.id;
  return id && node.cluster.image.chains.get(chainKey(formatUuid(id), index))?.config;
}

async function append(values: readonly string[], ids = all): Promise<void> {
  for (const value of values) {
    const { error } = await world.send(headOf(ids), "orders", batchOf([value]), { index: 1 });
    expect(error).toBeUndefined();
  }
}

const grow = (nodeId: number): Promise<void> =>
  world.drive(world.node(1).broker.topics.addPartitions("orders", 2, { assignments: [[nodeId]] }));

/** A topic of two partitions, one in the backup; node 3 has records of the other in two epochs. */
async function grownSinceBackup(): Promise<{ restore: () => void; holder: ClusterNode }> {
  world = await ClusterWorld.open(3);
  const assignments = [{ index: 0, replicas: [2] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  const backup = world.store.backUp();
  await grow(3);
  await world.driveUntil("it is led", () => headOf() === 3);
  await append(older.slice(0, 5));
  const former = world.node(3);
  former.crash();
  await world.tick(20_000);
  const holder = await world.drive(world.start(3, {}, former.disk));
  await world.driveUntil("it is led again", () => headOf() === 3);
  await append(older.slice(5));
  return { restore: () => world.store.restore(backup), holder };
}

test("what nodes have of a partition that a backup does not know is there again", async () => {
  const { restore } = await grownSinceBackup();
  restore();
  await world.driveUntil("nobody leads it", () => headOf() < 0);
  await world.tick(20_000);
  const before = configOf(0);
  expect(leads(2, 0)).toBe(true);
  await grow(1);
  let isLedThroughout = true;
  await world.driveUntil("somebody leads it", () => {
    isLedThroughout &&= leads(2, 0);
    return headOf() > 0;
  });
  await append(newer);
  await world.tick(60_000);
  const log = partitionAt(headOf())?.findReplica();
  expect(log && (await world.drive(readValues(log)))).toEqual([...older, ...newer]);
  expect([isLedThroughout, configOf(0)]).toEqual([true, before]);
});

test("where who has it is away what comes after the growth stays", async () => {
  const { restore, holder } = await grownSinceBackup();
  holder.crash();
  await world.tick(20_000);
  restore();
  await world.tick(30_000);
  await grow(1);
  const left = [1, 2];
  await world.driveUntil("somebody leads it", () => headOf(left) > 0);
  await append(newer, left);
  await world.drive(world.start(3, {}, holder.disk));
  await world.tick(60_000);
  const log = partitionAt(headOf())?.findReplica();
  expect(log && (await world.drive(readValues(log)))).toEqual(newer);
});

test("ensuring a topic compares what the coordinator has of it", async () => {
  const { restore } = await grownSinceBackup();
  restore();
  await world.tick(30_000);
  expect(partitionAt(1)).toBeDefined();
  const asked = { name: "orders", partitions: 2, replicas: -1, configs: new Map<string, string>() };
  const ensured = ensureTopic(world.node(1).broker, asked);
  await expect(world.drive(ensured)).rejects.toThrow("exists and differs in partitions");
});
