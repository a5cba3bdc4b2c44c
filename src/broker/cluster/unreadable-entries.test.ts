import { afterEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import { formatUuid } from "../../base/uuid.ts";
import { formatFeatures, featuresKey } from "./feature-level.ts";
import type { ClusterAdministration } from "./plans/cluster-administration.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const administration = (id: number) =>
  world.node(id).broker.administration as ClusterAdministration;

const statusAt = (id: number) => world.drive(administration(id).status());

const write = (key: string, value: string | null): Promise<unknown> =>
  world.coordinator.transact([], [{ key, value }]);

const hasHead = (ids: readonly number[]) => (): boolean =>
  ids.some((id) => {
    const partition = world.node(id).topic("orders")?.partitions[0];
    return partition !== undefined && partition.absence === undefined;
  });

async function append(ids: readonly number[]): Promise<void> {
  await world.driveUntil("there is a head", hasHead(ids));
  const id = ids.find((one) => hasHead([one])()) as number;
  const batch = await world.send(id, "orders", batchOf(["a"]));
  expect(batch.error).toBeUndefined();
}

const wide = JSON.stringify({
  id: formatUuid(new Uint8Array(16).fill(9)),
  partitions: 100_000_000,
  configs: {},
});

const broken: readonly (readonly [key: string, value: string])[] = [
  ["chains/AAAAAAAAAAAAAAAAAAAAAQ/0", "garbage"],
  ["topics/t", "garbage"],
  ["topics/wide", wide],
  ["ring/9", "garbage"],
  ["founders", "garbage"],
  ["nodes/9", "garbage"],
  ["deleted-topics/AAAAAAAAAAAAAAAAAAAAAQ", "{garbage"],
  ["deleted-topics/garbage", "garbage"],
  ["plan", "garbage"],
  ["plan", '{"id":"7-1","state":"running","movesAtOnceMax":1,"entries":3}'],
];

describe("an entry of the coordinator that can not be read", () => {
  test.each(broken)("is told, and all else goes on: %s %s", async (key, value) => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { replicas: 2 });
    await append([1, 2]);
    await write(key, value);
    await world.tick(1_000);
    await append([1, 2]);
    // Another controller, which finds it there, and a node that starts.
    const { controllerId } = await statusAt(1);
    world.node(controllerId).crash();
    const left = controllerId === 1 ? 2 : 1;
    await world.drive(world.start(3));
    await append([left]);
    await world.drive(world.start(controllerId, {}, world.node(controllerId).disk));
    await append([1, 2]);
    await world.create(3, "another", { replicas: 2 });
    const told = [1, 2, 3].flatMap((id) => [...world.node(id).cluster.unreadable.list]);
    expect(told.map((one) => one.key)).toContain(key);
    const lines = [1, 2, 3].flatMap((id) => world.node(id).log.withLevel("error"));
    expect(lines.map(({ fields }) => fields["key"])).toContain(key);
    await write(key, null);
    await world.driveUntil("it is forgotten", () =>
      [1, 2, 3].every((id) => world.node(id).cluster.unreadable.list.length === 0),
    );
  });

  test("is left alone with its files: a topic's are there when its entry is mended", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { replicas: 2 });
    await append([1, 2]);
    const { entries } = await world.coordinator.read("topics/orders");
    const chains = await world.coordinator.read("chains/");
    await write("topics/orders", "garbage");
    const nodes = [1, 2].map((id) => world.node(id));
    for (const node of nodes) node.crash();
    for (const { id, disk } of nodes) await world.drive(world.start(id, {}, disk));
    expect(world.node(1).topic("orders")).toBeUndefined();
    // Longer than between two looks for chains without a topic.
    await world.tick(120_000);
    expect((await world.coordinator.read("chains/")).entries).toHaveLength(chains.entries.length);
    await write("topics/orders", entries[0]?.value ?? "");
    await append([1, 2]);
    expect(world.node(1).topic("orders")?.partitions[0]?.end).toBe(2);
  });

  test("is no plan: none is drafted before it is cancelled", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { replicas: 2 });
    await write("plan", "garbage");
    await write("plan/old/0", "garbage");
    await world.tick(1_000);
    const { plan, unreadable } = await statusAt(2);
    expect(plan).toBeNull();
    expect(unreadable).toMatchObject([{ key: "plan" }]);
    const drafting = world.drive(administration(1).draft({ replicasMin: 0 }));
    await expect(drafting).rejects.toThrow("plan can not be read");
    await world.drive(administration(1).steer("cancelled"));
    expect((await world.coordinator.read("plan")).entries).toEqual([]);
    expect(await world.drive(administration(1).draft({ replicasMin: 0 }))).toBeDefined();
    expect((await statusAt(2)).unreadable).toEqual([]);
  });
});

describe("a node whose start fails", () => {
  test("has no seat", async () => {
    world = await ClusterWorld.open(1);
    await world.node(1).stop();
    await write(featuresKey, formatFeatures(99));
    await expect(world.start(2)).rejects.toThrow("feature level is 99");
    const { entries } = await world.coordinator.read("ring/");
    expect(entries.map(({ key }) => key)).toEqual(["ring/1"]);
    await write(featuresKey, formatFeatures(2));
  });

  test("as its folder is of another cluster leaves nothing in an empty coordinator", async () => {
    const former = await ClusterWorld.open(1);
    const { disk } = former.node(1);
    await former.close();
    world = new ClusterWorld(1);
    await expect(world.start(1, {}, disk)).rejects.toThrow("the coordinator knows no cluster");
    expect((await world.coordinator.read("")).entries).toEqual([]);
  });
});

test("a node that reaches no other is told, and a plan gives it no part", async () => {
  world = new ClusterWorld(1);
  await world.start(1);
  await world.create(1, "orders", { partitions: 4 });
  world.network.block(1, 2);
  world.network.block(2, 1);
  await world.start(2);
  await world.start(3);
  const { nodes } = await statusAt(1);
  expect(nodes.map(({ isReached }) => isReached)).toEqual([true, false, true]);
  const draft = await world.drive(administration(1).draft({ replicasMin: 2 }));
  expect(draft.leftOut).toEqual([2]);
  expect(draft.moves.flatMap(({ to }) => to)).not.toContain(2);
  const { planId } = draft;
  await world.drive(administration(1).commit({ planId, movesAtOnce: 4, acceptsLoss: false }));
  for (let step = 0; (await statusAt(1)).plan?.state !== "done"; step += 1) {
    expect(step).toBeLessThan(100);
    await world.tick(200);
  }
  await world.drive(administration(1).changeSeat(3, { seat: "leaving", replacement: 2 }));
  const drafting = world.drive(administration(1).draft({ replicasMin: 0 }));
  await expect(drafting).rejects.toThrow("node 2 is not reached");
  world.network.unblock(1, 2);
  world.network.unblock(2, 1);
  await world.tick(10_000);
  const { leftOut, moves } = await world.drive(administration(1).draft({ replicasMin: 0 }));
  expect(leftOut).toEqual([]);
  expect(moves.flatMap(({ to }) => to)).toContain(2);
});
