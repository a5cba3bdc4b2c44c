import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import type { ClusterAdministration } from "../cluster/plans/cluster-administration.ts";
import { offsetsTopic } from "./internal-topics.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const refusal = { code: "COORDINATOR_NOT_AVAILABLE" };
const groupAt = (id: number): Promise<number> =>
  world.drive(world.node(id).broker.groups.partitionOf("g"));

/** Of the offsets topic, of each partition. */
function replicaCounts(): Set<number> {
  const chains = [...world.node(1).cluster.image.chains.values()];
  return new Set(chains.map(({ config }) => config.replicas.length));
}

async function kill(...ids: number[]): Promise<void> {
  for (const id of ids) world.node(id).crash();
  const { image } = world.node(1).cluster;
  await world.driveUntil("they are gone", () => ids.every((id) => image.node(id) === undefined));
}

test("the first group waits for nodes that are down, so that its offsets are on them", async () => {
  world = await ClusterWorld.open(3);
  await kill(2, 3);
  await expect(groupAt(1)).rejects.toMatchObject({
    ...refusal,
    message: /__consumer_offsets is to have 3 replicas; nodes up for them: 1$/,
  });
  expect(world.node(1).topic(offsetsTopic)).toBeUndefined();
  for (const id of [2, 3]) await world.drive(world.start(id, {}, world.node(id).disk));
  await groupAt(1);
  expect(replicaCounts()).toEqual(new Set([3]));
});

test("more nodes than offsets have replicas may be down", async () => {
  world = await ClusterWorld.open(4);
  await kill(4);
  await groupAt(1);
  expect(replicaCounts()).toEqual(new Set([3]));
});

test("the first group does not wait for a node that was removed for good", async () => {
  world = await ClusterWorld.open(3);
  await kill(3);
  const administration = world.node(1).broker.administration as ClusterAdministration;
  await world.drive(administration.changeSeat(3, { seat: "leaving", isGone: true }));
  await groupAt(1);
  expect(replicaCounts()).toEqual(new Set([2]));
});

test("of a cluster that is to have three nodes the first one has no group by itself", async () => {
  world = new ClusterWorld(3);
  await world.start(1);
  await expect(groupAt(1)).rejects.toMatchObject(refusal);
  await world.start(2);
  await expect(groupAt(2)).rejects.toMatchObject(refusal);
  await world.start(3);
  await groupAt(1);
  expect(replicaCounts()).toEqual(new Set([3]));
});

test("nodes that wait for a plan are not waited for", async () => {
  world = new ClusterWorld(1);
  await world.start(1);
  await world.start(2);
  await groupAt(2);
  expect(replicaCounts()).toEqual(new Set([1]));
});
