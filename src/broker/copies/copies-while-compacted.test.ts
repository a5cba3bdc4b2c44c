import { expect, test } from "vitest";
import { append, readValues, runPass } from "../../../test/support/log-directory.ts";
import {
  openTopicsWorld,
  snapshotOnto,
  type TopicsWorld,
} from "../../../test/support/topics-world.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";

/** A topic of which compaction leaves the last two records of each partition. */
async function openOrders(partitions: number): Promise<TopicsWorld> {
  const world = await openTopicsWorld(new SimulatedDisk(), { isLazy: true });
  await world.create("orders", { "internal.segment.bytes": "100" }, partitions);
  for (let index = 0; index < partitions; index += 1) {
    const orders = world.partition("orders", index);
    await orders.load();
    for (const value of ["one", "two", "three"]) await append(orders, [value], { key: "same" });
    await append(orders, ["last"], { key: "other" });
  }
  return world;
}

async function compact(world: TopicsWorld, index: number): Promise<void> {
  const policy = (own: ReadonlyMap<string, string>) => {
    return new Map([...own, ["cleanup.policy", "compact"]]);
  };
  await world.topics.configure("orders", policy);
  await world.background.use("orders", index, (opened) => runPass(opened, world.clock));
}

test("a fork of a topic that is compacted meanwhile has its gaps, and no damage", async () => {
  const world = await openOrders(2);
  let isFirst = true;
  await world.topics.fork("orders", "forked", {
    cutOf: async ({ end }) => {
      if (isFirst) await compact(world, 1);
      isFirst = false;
      return end;
    },
    finish: async () => {},
  });
  const forked = [0, 1].map((index) => world.partition("forked", index));
  for (const partition of forked) await partition.load();
  const values = await Promise.all(forked.map((partition) => readValues(partition)));
  expect(values).toEqual([
    ["one", "two", "three", "last"],
    ["three", "last"],
  ]);
  await world.close();
});

test("so has a snapshot", async () => {
  const world = await openOrders(1);
  const read = world.coordinator.read.bind(world.coordinator);
  let isFirst = true;
  world.coordinator.read = async (prefix) => {
    const state = await read(prefix);
    if (prefix === "" && isFirst) {
      isFirst = false;
      await compact(world, 0);
    }
    return state;
  };
  const disk = new SimulatedDisk();
  await snapshotOnto(world, disk);
  await world.close();
  const restored = await openTopicsWorld(disk, { isLazy: true });
  const orders = restored.partition("orders");
  await orders.load();
  expect(restored.topics.find("orders")?.settings["cleanup.policy"]).toEqual(["delete"]);
  expect(await readValues(orders)).toEqual(["three", "last"]);
  await restored.close();
});
