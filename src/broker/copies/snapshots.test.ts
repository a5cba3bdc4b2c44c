import { expect, test } from "vitest";
import { append, memoryDisk, readValues } from "../../../test/support/log-directory.ts";
import { openTopicsWorld, snapshotOnto } from "../../../test/support/topics-world.ts";
import { storeClusterNote } from "../cluster/membership/cluster-note.ts";
import { copyDirectory } from "./copy-directory.ts";
import { SeededRandom } from "../../base/seeded-random.ts";

const small = { "segment.records": "3" };
const values = (count: number): string[] => Array.from({ length: count }, (_, at) => `value ${at}`);

async function openOrders(count = 10) {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders", { ...small, "max.message.bytes": "5000" }, 2);
  await world.create("empty");
  for (const value of values(count)) await append(world.partition("orders", 1), [value]);
  return world;
}

test("a snapshot opens as a directory stopped in order, with records and configs", async () => {
  const world = await openOrders();
  await world.partition("orders", 1).deleteRecordsBefore(4);
  const disk = memoryDisk();
  const report = await snapshotOnto(world, disk);
  expect(report).toMatchObject({ topics: 2, partitions: 3, linkedSegments: 2 });
  const copy = await openTopicsWorld(disk);
  expect(copy.directory.wasClean).toBe(true);
  expect(copy.directory.meta).toEqual(world.directory.meta);
  expect(copy.topics.list().map(({ name, id, configs }) => [name, id, configs])).toEqual(
    world.topics.list().map(({ name, id, configs }) => [name, id, configs]),
  );
  expect(copy.partition("orders", 1).logStart).toBe(4);
  expect(await readValues(copy.partition("orders", 1), 4)).toEqual(values(10).slice(4));
  expect(copy.partition("orders", 0).end).toBe(0);
});

test("a snapshot holds what is in partitions whose files nobody has opened", async () => {
  const before = await openTopicsWorld(memoryDisk(), { isLazy: true });
  await before.create("orders", small, 2);
  for (const value of values(10)) await append(before.partition("orders", 1), [value]);
  await before.close();
  const world = await openTopicsWorld(before.disk, { isLazy: true });
  const disk = memoryDisk();
  await snapshotOnto(world, disk);
  const copy = await openTopicsWorld(disk);
  expect(await readValues(copy.partition("orders", 1))).toEqual(values(10));
});

test("node and snapshot go their own ways", async () => {
  const world = await openOrders();
  const disk = memoryDisk();
  await snapshotOnto(world, disk);
  await append(world.partition("orders", 1), ["in the node"]);
  await world.topics.delete("empty");
  const copy = await openTopicsWorld(disk);
  await append(copy.partition("orders", 1), ["in the copy"]);
  await world.close();
  await copy.close();
  const again = await openTopicsWorld(world.disk);
  const copyAgain = await openTopicsWorld(disk);
  expect(await readValues(again.partition("orders", 1))).toEqual([...values(10), "in the node"]);
  expect(await readValues(copyAgain.partition("orders", 1))).toEqual([
    ...values(10),
    "in the copy",
  ]);
  expect(copyAgain.topics.find("empty")).toBeDefined();
});

test("a snapshot while records are appended is of one moment in all partitions", async () => {
  const world = await openOrders(0);
  await world.create("seen", small);
  let isOver = false;
  const writing = (async () => {
    // As a group does: first the record, then how far somebody has come.
    for (let count = 0; !isOver; count += 1) {
      await append(world.partition("orders", 1), [String(count)]);
      await append(world.partition("seen"), [String(count)]);
    }
  })();
  for (let round = 0; round < 5; round += 1) {
    const disk = memoryDisk();
    await snapshotOnto(world, disk);
    const copy = await openTopicsWorld(disk);
    const records = await readValues(copy.partition("orders", 1));
    const seen = await readValues(copy.partition("seen"));
    expect(records).toEqual(records.map((_, at) => String(at)));
    expect(seen).toEqual(records.slice(0, seen.length));
    expect(records.length - seen.length).toBeLessThanOrEqual(1);
  }
  isOver = true;
  await writing;
});

test("a topic that is deleted while its partitions are copied does no harm", async () => {
  const world = await openOrders();
  await world.create("gone", small);
  for (const value of values(10)) await append(world.partition("gone"), [value]);
  const disk = memoryDisk();
  const taking = snapshotOnto(world, disk);
  await world.topics.delete("gone");
  await taking;
  const copy = await openTopicsWorld(disk);
  expect(await readValues(copy.partition("orders", 1))).toEqual(values(10));
});

test("a restored directory is a copy that leaves the snapshot as it is", async () => {
  const world = await openOrders();
  const snapshot = memoryDisk();
  await snapshotOnto(world, snapshot);
  const target = memoryDisk();
  const report = await copyDirectory({ source: snapshot, target });
  expect(report).toMatchObject({ folders: 1, isClean: true });
  const restored = await openTopicsWorld(target);
  expect(restored.directory.wasClean).toBe(true);
  expect(restored.directory.meta).toEqual(world.directory.meta);
  await append(restored.partition("orders", 1), ["more"]);
  await restored.close();
  const again = memoryDisk();
  await copyDirectory({ source: snapshot, target: again });
  const second = await openTopicsWorld(again);
  expect(await readValues(second.partition("orders", 1))).toEqual(values(10));
});

test("a copy may become a cluster of its own", async () => {
  const world = await openOrders();
  await world.close();
  const target = memoryDisk();
  await copyDirectory({ source: world.disk, target, renewedBy: new SeededRandom(5) });
  const copy = await openTopicsWorld(target);
  expect(copy.directory.meta.nodeId).toBe(world.directory.meta.nodeId);
  expect(copy.directory.meta.clusterId).not.toBe(world.directory.meta.clusterId);
  expect(copy.directory.meta.directoryId).not.toBe(world.directory.meta.directoryId);
  expect(await readValues(copy.partition("orders", 1))).toEqual(values(10));
});

test("the copy of a directory that was not stopped in order recovers", async () => {
  const world = await openOrders();
  const target = memoryDisk();
  const { isClean } = await copyDirectory({ source: world.disk, target });
  expect(isClean).toBe(false);
  const copy = await openTopicsWorld(target);
  expect(await readValues(copy.partition("orders", 1))).toEqual(values(10));
});

test("what is no data directory is not copied", async () => {
  const copying = copyDirectory({ source: memoryDisk(), target: memoryDisk() });
  await expect(copying).rejects.toThrow("no data directory");
});

test("the data directory of a node of a cluster, stopped too, is not copied", async () => {
  const { disk: source } = await openOrders();
  await storeClusterNote(source, { clusterName: "xylem", clusterId: "id", isMovingIn: false });
  const copying = copyDirectory({ source, target: memoryDisk() });
  await expect(copying).rejects.toThrow("in no cluster");
});
