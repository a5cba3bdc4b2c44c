import { decodeUtf8 } from "../../../base/text.ts";
import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import type { Disk } from "../../ports/disk.ts";
import type { PlacedPartition } from "./placed-partition.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const folder = "orders-0";

let world: ClusterWorld;
afterEach(() => world.close());

const partitionAt = (id: number): PlacedPartition =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition;
const headId = (ids = [1, 2]): number =>
  ids.find((id) => partitionAt(id).absence === undefined) ?? -1;

/** Two nodes die that have a partition, each able to go on with it. Answers node 1's disk. */
async function stopBoth(values: readonly string[]): Promise<SimulatedDisk> {
  world = new ClusterWorld(2);
  const disks = new Map([1, 2].map((id) => [id, new SimulatedDisk()]));
  for (const [id, disk] of disks) await world.start(id, {}, disk);
  await world.create(1, "orders", { replicas: 2 });
  await world.driveUntil("there is a head", () => headId() > 0);
  for (const value of values) {
    expect((await world.send(headId(), "orders", batchOf([value]))).error).toBeUndefined();
  }
  for (const id of [1, 2]) world.node(id).crash();
  await world.tick(20_000);
  return (disks.get(1) as SimulatedDisk).afterKill();
}

async function removeAll(disk: Disk): Promise<void> {
  for (const { name } of await disk.list(folder)) await disk.remove(`${folder}/${name}`);
  await disk.removeDirectory(folder);
}

async function removeLogs(disk: Disk): Promise<void> {
  for (const { name } of await disk.list(folder)) {
    if (/^\d/.test(name)) await disk.remove(`${folder}/${name}`);
  }
}

const lostBy = (id: number): number =>
  world.node(id).cluster.membership.entry.lineages?.lost?.length ?? 0;

test.each([
  ["folder", removeAll],
  ["log files", removeLogs],
])("a replica whose %s are gone is not what its chain begins with", async (_what, remove) => {
  const left = await stopBoth(["a", "b"]);
  const second = world.node(2).disk as SimulatedDisk;
  await remove(left);
  await world.drive(world.start(1, {}, left));
  await world.tick(20_000);
  expect([lostBy(1), headId([1])]).toEqual([1, -1]);
  expect(world.node(1).log.withLevel("error")).toMatchObject([
    { message: "the files of a replica are gone", fields: { folder, upTo: 2 } },
  ]);
  await world.drive(world.start(2, {}, second.afterKill()));
  await world.driveUntil("the other one leads", () => headId() === 2);
  await world.driveUntil("both are members", () =>
    [...world.node(2).cluster.image.chains.values()].every(
      ({ config }) => config.members.length === 2,
    ),
  );
  await world.tick(1_000);
  const rangeAt = (id: number) => {
    const log = partitionAt(id).placement.log;
    return [log?.logStart, log?.committed, log?.end, log?.sizeBytes];
  };
  expect(rangeAt(1)).toEqual(rangeAt(2));
  expect(rangeAt(1).slice(0, 3)).toEqual([0, 2, 2]);
  const stored = left.peek("xylem.lineages");
  expect(decodeUtf8(stored)).not.toContain("lost");
});

test.each([
  ["folder", removeAll],
  ["log files", removeLogs],
])("a start that is given up leaves it to the next that its %s are gone", async (_what, remove) => {
  const left = await stopBoth(["a"]);
  await remove(left);
  left.fault = (operation, path) => {
    if (operation === "rename" && path.startsWith("xylem.lineages")) throw new Error("EIO");
  };
  await expect(world.drive(world.start(1, {}, left))).rejects.toThrow("EIO");
  left.fault = () => undefined;
  await world.tick(20_000);
  await world.drive(world.start(1, {}, left));
  expect(lostBy(1)).toBe(1);
  const told = decodeUtf8(left.peek("recovery-point-offset-checkpoint"));
  expect(told).not.toContain("orders 0 1");
});

test("a replica that has no files yet has lost nothing", async () => {
  const left = await stopBoth([]);
  await world.drive(world.start(1, {}, left));
  await world.driveUntil("it leads", () => headId([1]) === 1);
  expect(lostBy(1)).toBe(0);
});
