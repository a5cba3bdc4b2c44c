import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const log = "orders-0/00000000000000000000.log";

let world: ClusterWorld;
afterEach(() => world.close());

const blankEnd = (bytes: Uint8Array): Uint8Array => bytes.slice().fill(0, bytes.length / 2);
const cutShort = (bytes: Uint8Array): Uint8Array => bytes.slice(0, -1);

test.each([
  ["os", "blank pages", blankEnd, "boot 1", 1],
  ["os", "a write that was begun", cutShort, "boot 1", undefined],
  [
    "os",
    "blank pages after its machine's crash, of which the lineage says",
    blankEnd,
    "2",
    undefined,
  ],
  ["fsync", "blank pages that were never flushed", blankEnd, "boot 1", undefined],
] as const)(
  "a log with durability %s that ends in %s",
  async (...[durability, , spoil, boot, count]) => {
    world = new ClusterWorld(1);
    const disk = new SimulatedDisk();
    const node = await world.start(1, { "log.checkpoint.interval.ms": 1_000_000 }, disk);
    await world.create(1, "orders", {
      replicas: 1,
      configs: new Map([["durability", durability]]),
    });
    await world.tick(1_000);
    for (const value of ["a", "b"]) await world.send(1, "orders", batchOf([value]));
    node.crash();
    await world.tick(10_000);
    const left = disk.afterKill();
    left.poke(log, spoil(left.peek(log)));
    world.bootId = boot;
    const back = await world.drive(world.start(1, {}, left));
    expect(back.cluster.membership.entry.lineages?.lost?.length).toBe(count);
  },
);

test("after a crash of its machine a start that is given up vouches for nothing", async () => {
  world = new ClusterWorld(1);
  const disk = new SimulatedDisk();
  const node = await world.start(1, {}, disk);
  const configs = new Map([["durability", "os"]]);
  await world.create(1, "orders", { replicas: 1, configs });
  await world.tick(1_000);
  await world.send(1, "orders", batchOf(["a"]));
  const before = node.cluster.membership.entry.lineages;
  node.crash();
  await world.tick(10_000);
  const left = disk.afterKill();
  left.poke(log, new Uint8Array());
  world.bootId = "boot 2";
  left.fault = (operation, path) => {
    if (operation === "rename" && path.startsWith("xylem.lineages")) throw new Error("EIO");
  };
  await expect(world.drive(world.start(1, {}, left))).rejects.toThrow("EIO");
  left.fault = () => undefined;
  await world.tick(20_000);
  const back = await world.drive(world.start(1, {}, left));
  const after = back.cluster.membership.entry.lineages;
  expect(after?.fsync).toBe(before?.fsync);
  expect(after?.os).not.toBe(before?.os);
});
