import { afterEach, describe, expect, test } from "vitest";
import type { Lease } from "../../ports/lease.ts";
import { controllerKey, formatController } from "./controller-entry.ts";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];
const othersOf = (id: number): number[] => all.filter((one) => one !== id);
/** Well below what is left of a lease. */
const soonMs = 800;

/** Partition 0 is led by node 2, partition 1 by node 1, which is the controller. */
async function open(): Promise<void> {
  world = await ClusterWorld.open(3);
  const assignments = [
    { index: 0, replicas: [2, 3, 1] },
    { index: 1, replicas: [1, 2, 3] },
  ];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await until("there are heads", () => headOf(0, all) === 2 && headOf(1, all) === 1);
  await until("all are linked", () => all.every((id) => epochAt(id, 0) === 1));
  await world.tick(2_000);
  expect(controllerAt(2)).toBe(1);
}

const until = (what: string, holds: () => boolean): Promise<void> =>
  world.driveUntil(what, holds, { stepMs: 10, withinMs: 20_000 });

function headOf(partition: number, ids: readonly number[]): number {
  const serves = (id: number) =>
    world.node(id).topic("orders")?.partitions[partition]?.absence === undefined;
  return ids.find(serves) ?? -1;
}

function epochAt(id: number, partition: number): number {
  return world.node(id).topic("orders")?.partitions[partition]?.leaderEpoch ?? -1;
}

function controllerAt(id: number): number | undefined {
  return world.node(id).cluster.image.controller?.id;
}

/** How long until there is a head again after the node's death. */
async function failoverMs(dead: number, partition: number): Promise<number> {
  const { clock } = world;
  const diedMs = clock.monotonicMs();
  world.node(dead).crash();
  await until("there is another head", () => headOf(partition, othersOf(dead)) > 0);
  return clock.monotonicMs() - diedMs;
}

describe("a process that dies", () => {
  test("is noticed by its links: its successor leads long before its lease ends", async () => {
    await open();
    expect(await failoverMs(2, 0)).toBeLessThan(soonMs);
    expect(headOf(0, [1, 3])).toBe(3);
    expect(world.node(1).cluster.image.node(2)).toBeDefined();
  });

  test("that was the controller too is followed by another one as soon", async () => {
    await open();
    expect(await failoverMs(1, 1)).toBeLessThan(soonMs);
    expect([2, 3]).toContain(controllerAt(2));
    expect(controllerAt(3)).toBe(controllerAt(2));
  });

  test("that nobody follows is noticed as soon: its predecessor dials it too", async () => {
    world = await ClusterWorld.open(3);
    const assignments = [{ index: 0, replicas: [1, 2, 3] }];
    await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
    await until("all are linked", () => all.every((id) => epochAt(id, 0) === 1));
    // Calls are no reason for a link any more.
    await world.tick(20_000);
    const diedMs = world.clock.monotonicMs();
    world.node(3).crash();
    await until("it is cut out", () => epochAt(1, 0) === 2);
    expect(world.clock.monotonicMs() - diedMs).toBeLessThan(soonMs);
  });

  test("that was the controller is followed as soon by who followed another just now", async () => {
    world = await ClusterWorld.open(3);
    const assignments = [
      { index: 0, replicas: [1, 2] },
      { index: 1, replicas: [3, 2] },
    ];
    await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
    await until("all are linked", () => headOf(0, all) === 1 && headOf(1, all) === 3);
    await world.tick(2_000);
    world.node(1).crash();
    await until("node 2 is the controller", () => controllerAt(2) === 2);
    // Until the lease of who died is over.
    await world.tick(4_000);
    const { incarnation, membership } = world.node(3).cluster;
    const value = formatController({ id: 3, incarnation });
    const lease = membership.lease as Lease;
    await world.drive(world.coordinator.transact([], [{ key: controllerKey, value, lease }]));
    await until("node 3 is it", () => controllerAt(2) === 3);
    const diedMs = world.clock.monotonicMs();
    world.node(3).crash();
    await until("node 2 is it again", () => controllerAt(2) === 2);
    expect(world.clock.monotonicMs() - diedMs).toBeLessThan(soonMs);
  });

  test("joins again at once when it is back, and leads nothing until then", async () => {
    await open();
    await failoverMs(2, 0);
    const { disk } = world.node(2);
    await world.drive(world.start(2, {}, disk));
    const members = () => {
      const [chain] = [...world.node(1).cluster.image.chains.values()].filter(
        ({ config }) => config.replicas[0] === 2,
      );
      return chain?.config.members.map(({ id }) => id) ?? [];
    };
    const startedMs = world.clock.monotonicMs();
    await until("it is a member", () => members().length === 3);
    expect(members()).toEqual([3, 1, 2]);
    expect(world.clock.monotonicMs() - startedMs).toBeLessThan(5_000);
  });
});

describe("a process that lives", () => {
  test("is in its chains still when its connections were reset", async () => {
    await open();
    for (let time = 0; time < 5; time += 1) {
      for (const other of [1, 3]) world.network.cut(2, other);
      await world.tick(300);
    }
    expect([epochAt(1, 0), epochAt(1, 1)]).toEqual([1, 1]);
    expect(controllerAt(2)).toBe(1);
  });

  test("is in its chains still when it reaches nobody for less than its lease", async () => {
    await open();
    for (const other of [1, 3]) {
      world.network.block(2, other);
      world.network.block(other, 2);
      world.network.cut(2, other);
    }
    await world.tick(1_500);
    for (const other of [1, 3]) {
      world.network.unblock(2, other);
      world.network.unblock(other, 2);
    }
    await world.tick(1_000);
    expect([epochAt(1, 0), epochAt(1, 1)]).toEqual([1, 1]);
  });
});
