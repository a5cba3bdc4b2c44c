import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import type { Lease } from "../../ports/lease.ts";
import { controllerKey, formatController } from "./controller-entry.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];

const until = (what: string, holds: () => boolean): Promise<void> =>
  world.driveUntil(what, holds, { stepMs: 10, withinMs: 20_000 });

const partitionAt = (id: number) => world.node(id).topic("orders")?.partitions[0];
const chainAt = (id: number) => [...world.node(id).cluster.image.chains.values()][0]?.config;

test("when all die, the chain is not left to the one whose lease ends last", async () => {
  world = await ClusterWorld.open(3);
  const assignments = [{ index: 0, replicas: [3, 1, 2] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await until("it is led", () => partitionAt(3)?.absence === undefined);
  await until("all are members", () => chainAt(1)?.members.length === 3);
  const disks = all.map((id) => world.node(id).disk);
  // A machine without power refuses no dial either.
  for (const id of [1, 2]) world.network.block(id, 3);
  for (const id of all) world.node(id).crash();
  // Two are back before the lease of the third ends, which does not come back at all.
  for (const id of [1, 2]) await world.drive(world.start(id, {}, disks[id - 1]));
  await until("the lease is gone", () => world.node(1).cluster.image.node(3) === undefined);
  expect(chainAt(1)?.members.map(({ id }) => id)).not.toEqual([3]);
  await until("one leads", () => [1, 2].some((id) => partitionAt(id)?.absence === undefined));
  expect(chainAt(1)?.unclean).toBe(0);
});

test("a member that nobody hears is believed once no lease outlives its node so long", async () => {
  world = await ClusterWorld.open(3);
  const assignments = [{ index: 0, replicas: [3, 2] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await until("all are members", () => chainAt(1)?.members.length === 2);
  // Its office begins anew with a coordinator like Consul.
  const { coordinator, cluster } = world.node(1);
  Object.assign(coordinator, { leaseLastsMs: (ttlMs: number) => 5 * ttlMs });
  const value = formatController({ id: 1, incarnation: cluster.incarnation });
  const lease = cluster.membership.lease as Lease;
  await world.drive(coordinator.transact([], [{ key: controllerKey, value, lease }]));
  await world.tick(1_000);
  world.network.block(1, 2);
  world.network.block(2, 1);
  // Nothing is heard on a link that there was.
  await world.tick(4_000);
  world.node(3).crash();
  await world.tick(12_000);
  expect(cluster.image.node(3)).toBeUndefined();
  expect(chainAt(1)?.members.length).toBe(2);
  await until("it is cut", () => chainAt(1)?.members.length === 1);
});
