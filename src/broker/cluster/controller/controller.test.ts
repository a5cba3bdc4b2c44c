import { afterEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import type { Lease } from "../../ports/lease.ts";
import { formatUuid } from "../../../base/uuid.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const controllerOf = (id: number): number | undefined =>
  world.node(id).cluster.image.controller?.id;

describe("the controller", () => {
  test("is one of the nodes, and every node knows which", async () => {
    world = await ClusterWorld.open(3);
    await world.until("it is known", ({ id }) => controllerOf(id) !== undefined);
    expect([1, 2, 3].map(controllerOf)).toEqual([1, 1, 1]);
  });

  test("is another one when it stops, and the first one stays when it comes back", async () => {
    world = await ClusterWorld.open(3);
    await world.node(1).stop();
    await world.until("another one is", ({ id }) => [2, 3].includes(controllerOf(id) ?? 0), [2, 3]);
    const second = controllerOf(2);
    expect(controllerOf(3)).toBe(second);
    await world.start(1);
    expect([1, 2, 3].map(controllerOf)).toEqual([second, second, second]);
  });

  test("takes a partition's only member back after a restart, under a new epoch", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", {
      assignments: [{ index: 0, replicas: [2] }],
      partitions: -1,
      replicas: -1,
    });
    const away = world.node(2);
    await away.stop();
    const key = `chains/${formatUuid(world.node(1).topic("orders")!.id)}/0`;
    const configOf = () => world.node(1).cluster.image.chains.get(key)?.config;
    expect(configOf()).toMatchObject({ epoch: 1, members: [{ id: 2 }] });
    const back = await world.start(2, {}, away.disk);
    await world.tick(2_000);
    await world.until("it is taken back", () => configOf()?.epoch === 2, [1]);
    expect(configOf()?.members).toMatchObject([{ incarnation: back.cluster.incarnation }]);
    const partition = back.topic("orders")?.partitions[0];
    await world.until("it is served", () => partition?.absence === undefined, [2]);
    expect(partition?.leaderEpoch).toBe(2);
  });

  test("that claims its office anew, unheard by itself, goes on", async () => {
    world = await ClusterWorld.open(3);
    await world.until("it is known", ({ id }) => controllerOf(id) === 1);
    await world.create(1, "orders", { replicas: 3 });
    const key = `chains/${formatUuid(world.node(1).topic("orders")!.id)}/0`;
    const members = (): number =>
      world.node(1).cluster.image.chains.get(key)?.config.members.length ?? 0;
    await world.until("all are members", () => members() === 3, [1]);
    // It is told of the new key alone, which says what the one before said.
    const node = world.node(1);
    const { entries } = await world.coordinator.read("controller");
    const value = entries[0]?.value ?? "";
    const lease = node.cluster.membership.lease as Lease;
    await node.coordinator.transact([], [{ key: "controller", value, lease }]);
    world.node(3).crash();
    await world.tick(10_000);
    expect(members()).toBe(2);
  });

  test("removes chains of a topic whose maker died half way", async () => {
    world = await ClusterWorld.open(1);
    const lost = { epoch: 1, members: [[1, "x", "y"]], joining: [], leaving: [], unclean: 0 };
    const value = JSON.stringify({ ...lost, replicas: [1] });
    const key = "chains/AAAAAAAAAAAAAAAAAAAAAA/0";
    await world.coordinator.transact([], [{ key, value }]);
    await world.until("it is seen", ({ cluster }) => cluster.image.chains.has(key));
    await world.tick(61_000);
    await world.until("it is removed", ({ cluster }) => !cluster.image.chains.has(key));
  });
});
