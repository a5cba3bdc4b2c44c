import { describe, expect, test } from "vitest";
import { append, openWorld, readValues, topicId } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { formatPartitionMetadata } from "../../../log/partition-metadata.ts";

const full = new XylemError("DISK_FULL", "writing: the disk is full");
const isFull = { code: "DISK_FULL" };
const takingSpace = new Set(["append", "makeDirectory"]);
const segmented = { "internal.segment.bytes": 100 };
const metadataPath = "orders-0/partition.metadata";

function fill(disk: SimulatedDisk): void {
  disk.fault = (operation, path) => {
    if (takingSpace.has(operation)) throw full;
    if (operation === "open" && path.endsWith(".tmp")) throw full;
  };
}

async function threeRecords() {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", segmented);
  for (const value of ["a", "b", "c"]) await append(partition, [value]);
  await world.directory.checkpoint();
  return { disk, world, partition };
}

describe("on a full disk", () => {
  test("a deletion of records that can not be made durable moves nothing", async () => {
    const { disk, partition } = await threeRecords();
    fill(disk);
    await expect(partition.deleteRecordsBefore(2)).rejects.toMatchObject(isFull);
    expect(partition.logStart).toBe(0);
    expect(await readValues(partition)).toEqual(["a", "b", "c"]);
    disk.fault = () => undefined;
    expect(await partition.deleteRecordsBefore(2)).toBe(2);
    const next = await (await openWorld(disk.afterKill())).open("orders", segmented);
    expect(next.logStart).toBe(2);
  });

  test("retention still removes segments, and so makes room", async () => {
    const { disk, world, partition } = await threeRecords();
    partition.configure({ ...defaultTopicSettings, "retention.bytes": 60, ...segmented });
    fill(disk);
    await partition.applyRetention(world.clock.nowMs());
    expect(partition.logStart).toBe(2);
    expect(await readValues(partition, 2)).toEqual(["c"]);
    disk.fault = () => undefined;
    const next = await (await openWorld(disk.afterKill())).open("orders", segmented);
    expect(next.logStart).toBe(2);
  });

  test("a topic's files go, and one made after it under its name inherits nothing", async () => {
    const { disk, world, partition } = await threeRecords();
    await partition.deleteRecordsBefore(2);
    fill(disk);
    const removing = world.directory.removePartition({ name: "orders", id: topicId }, 0);
    await expect(removing).rejects.toMatchObject(isFull);
    const names = (await disk.list("")).map(({ name }) => name);
    expect(names).not.toContain("orders-0");
    disk.fault = () => undefined;
    const again = await world.open("orders", segmented);
    expect(await append(again, ["new"])).toBe(0);
    const next = await (await openWorld(disk.afterKill())).open("orders", segmented);
    expect(await readValues(next)).toEqual(["new"]);
  });
});

describe("a partition.metadata", () => {
  test.each([
    ["that a full disk left empty", (): Uint8Array => new Uint8Array(0)],
    ["with a flipped bit in the id", flipped],
  ])("%s is written anew, and the log is the topic's", async (_, spoil) => {
    const { disk } = await threeRecords();
    const left = disk.afterKill();
    left.poke(metadataPath, spoil());
    const partition = await (await openWorld(left)).open("orders", segmented);
    expect(await readValues(partition)).toEqual(["a", "b", "c"]);
    expect(decodeUtf8(left.peek(metadataPath))).toBe(formatPartitionMetadata(topicId));
  });

  test.each([
    ["a flipped bit in it that leaves no id", false, flippedOut],
    ["nothing in it, where the topic is new", true, (): Uint8Array => new Uint8Array(4096)],
  ])("of another topic, with %s, does not give it the log", async (_, isNew, spoil) => {
    const { disk } = await threeRecords();
    const left = disk.afterKill();
    left.poke(metadataPath, spoil());
    const { directory } = await openWorld(left);
    const other = { name: "orders", id: new Uint8Array(16).fill(9), isNew };
    const replica = await directory.openReplica(other, 0, defaultTopicSettings);
    expect(replica.end).toBe(0);
    const names = (await left.list("")).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith("-stray")).length).toBe(1);
  });

  test("that tells nothing leaves a replica its log, where it may be its own", async () => {
    const { disk } = await threeRecords();
    const left = disk.afterKill();
    left.poke(metadataPath, new Uint8Array(4096));
    expect((await (await openWorld(left)).openReplica()).end).toBe(3);
  });

  test("whose bit flipped so that it is no id is the topic's all the same", async () => {
    const { disk } = await threeRecords();
    const left = disk.afterKill();
    left.poke(metadataPath, flippedOut());
    const world = await openWorld(left);
    const [found] = world.directory.findPartitions();
    expect(await world.directory.readTopicId(found!)).toBeUndefined();
    expect(await world.directory.readTopicId(found!, topicId)).toEqual(topicId);
    expect((await world.openReplica()).end).toBe(3);
    expect(decodeUtf8(left.peek(metadataPath))).toBe(formatPartitionMetadata(topicId));
  });

  test("that can not be written anew for want of room does not keep the log from use", async () => {
    const { disk } = await threeRecords();
    const left = disk.afterKill();
    left.poke(metadataPath, new Uint8Array(0));
    const world = await openWorld(left);
    fill(left);
    const partition = await world.open("orders", segmented);
    expect(await readValues(partition)).toEqual(["a", "b", "c"]);
  });
});

function flipped(): Uint8Array {
  const bytes = encodeUtf8(formatPartitionMetadata(topicId));
  bytes[bytes.length - 4] = (bytes[bytes.length - 4] as number) ^ 1;
  return bytes;
}

/** No letter of an id. */
function flippedOut(): Uint8Array {
  const bytes = encodeUtf8(formatPartitionMetadata(topicId));
  bytes[bytes.length - 4] = (bytes[bytes.length - 4] as number) ^ 0x80;
  return bytes;
}
