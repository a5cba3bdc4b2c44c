import { statSync, truncateSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import {
  append,
  batchOf,
  committed,
  fromDisk,
  memoryDisk,
  openWorld,
  readValues,
  topicId,
} from "../../../test/support/log-directory.ts";
import { makeTemporaryFolder, removeFolder } from "../../../test/support/temporary-folder.ts";
import { XylemError } from "../../base/errors.ts";
import { defaultTopicSettings } from "../../base/settings/topic-settings.ts";
import { FilesDisk } from "../../storage/files-disk.ts";

const ioError = new XylemError("KAFKA_STORAGE_ERROR", "syncing: i/o error");
const full = new XylemError("DISK_FULL", "writing: the disk is full");
const client = { origin: "client" } as const;

const failing = (operation: string, part: string, error: XylemError) => {
  return (done: string, path: string): void => {
    if (done === operation && path.includes(part)) throw error;
  };
};

describe("a failed flush", () => {
  test("stops its partition loudly, for good, and no other", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const orders = await world.open("orders");
    const events = await world.open("events");
    await append(orders, ["kept"]);
    disk.fault = failing("sync", "orders-0/", ioError);
    await expect(append(orders, ["lost"])).rejects.toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
    disk.fault = () => undefined;
    const storageError = expect.objectContaining({ code: "KAFKA_STORAGE_ERROR" }) as Error;
    expect(() => orders.append(batchOf(["more"]), client)).toThrow(storageError);
    const limits = { sizeBytesMax: 100, wholeFirst: true, upTo: 1 };
    expect(() => orders.read(0, limits)).toThrow(storageError);
    expect(await append(events, ["lives"])).toBe(0);
  });

  test("leaves no marker of a clean stop, so that the next start checks the log", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open();
    await append(partition, ["kept"]);
    disk.fault = failing("sync", "orders-0/", ioError);
    await expect(append(partition, ["unknown"])).rejects.toThrow("i/o error");
    disk.fault = () => undefined;
    await world.directory.close();
    const next = await openWorld(disk);
    expect(next.directory.wasClean).toBe(false);
    expect((await readValues(await next.open()))[0]).toBe("kept");
  });
});

describe("a lack of descriptors", () => {
  test("refuses an append, and lets go of the files that nobody uses", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const orders = await world.open("orders", { "segment.records": 1 });
    for (const value of ["a", "b", "c"]) await append(orders, [value]);
    let closedCount = 0;
    disk.fault = (operation, path) => {
      if (operation === "close" && path.endsWith(".log")) closedCount += 1;
      if (operation === "open" && closedCount === 0) throw full;
    };
    await expect(append(orders, ["refused"])).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(closedCount).toBe(3);
    expect(await append(orders, ["d"])).toBe(3);
    expect(await readValues(orders)).toEqual(["a", "b", "c", "d"]);
  });
});

describe("a full disk", () => {
  test("fails what waits, keeps what was acknowledged, and takes appends again", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open();
    await append(partition, ["kept"], { producerId: 7, producerEpoch: 0, baseSequence: 0 });
    disk.fault = failing("append", ".log", full);
    const waits = [1, 2, 3].map((sequence) => {
      const producer = { producerId: 7, producerEpoch: 0, baseSequence: sequence };
      return append(partition, [`lost ${sequence}`], producer);
    });
    for (const result of await Promise.allSettled(waits)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "DISK_FULL" } });
    }
    expect([partition.end, partition.committed]).toEqual([1, 1]);
    expect(await readValues(partition)).toEqual(["kept"]);
    disk.fault = () => undefined;
    const retried = { producerId: 7, producerEpoch: 0, baseSequence: 1 };
    expect(await append(partition, ["again"], retried)).toBe(1);
    expect(await readValues(partition)).toEqual(["kept", "again"]);
  });

  test("at the first append or at a roll is refused the same way", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { "internal.segment.bytes": 100 });
    disk.fault = failing("makeDirectory", "orders-0", full);
    await expect(append(partition, ["first"])).rejects.toMatchObject({ code: "DISK_FULL" });
    disk.fault = () => undefined;
    expect(await append(partition, ["first"])).toBe(0);
    disk.fault = failing("open", "00001.log", full);
    await expect(append(partition, ["second"])).rejects.toMatchObject({ code: "DISK_FULL" });
    disk.fault = () => undefined;
    expect(await append(partition, ["second"])).toBe(1);
    await world.directory.close();
    const next = await openWorld(disk);
    expect(await readValues(await next.open())).toEqual(["first", "second"]);
  });

  test("in memory it is the budget, and removing a topic gives it back", async () => {
    const world = await openWorld(memoryDisk(300_000));
    const big = await world.open("big");
    const small = await world.open("small");
    const value = "x".repeat(50_000);
    const fill = async (): Promise<void> => {
      for (;;) await append(big, [value]);
    };
    await expect(fill()).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(append(small, [value])).rejects.toMatchObject({ code: "DISK_FULL" });
    await world.directory.removePartition({ name: "big", id: new Uint8Array(16) }, 0);
    await world.clock.advance(60_000);
    expect(await append(small, [value])).toBe(0);
  });
});

describe("group commit", () => {
  test("what comes during a flush rides with the next one", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open();
    await append(partition, ["first"]);
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    disk.fault = (operation) => (operation === "sync" ? gate : undefined);
    const before = disk.syncCount;
    const waits = [append(partition, ["a"])];
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    for (let index = 0; index < 50; index += 1) waits.push(append(partition, [String(index)]));
    release();
    await Promise.all(waits);
    expect(disk.syncCount - before).toBe(2);
  });

  test("an os topic answers once written and flushes when flush.messages is reached", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { durability: "os", "flush.messages": 3 });
    const before = disk.syncCount;
    await append(partition, ["a"]);
    await append(partition, ["b"]);
    expect(partition.flushed).toBe(0);
    await append(partition, ["c"]);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect(partition.flushed).toBe(3);
    expect(disk.syncCount).toBeGreaterThan(before);
  });

  test("flush.ms flushes an os topic after that time", async () => {
    const world = await openWorld(new SimulatedDisk());
    const partition = await world.open("orders", { durability: "os", "flush.ms": 1_000 });
    await append(partition, ["a"]);
    await world.clock.advance(999);
    expect(partition.flushed).toBe(0);
    await world.clock.advance(1);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect(partition.flushed).toBe(1);
  });

  test("a backlog past its bound makes producers wait until it is written", async () => {
    const disk = new SimulatedDisk();
    const settings = { "log.append.pending.max.bytes": 1_000 };
    const world = await openWorld(disk, { settings });
    const partition = await world.open();
    expect(partition.writable()).toBeUndefined();
    const { lastOffset } = partition.append(batchOf(["x".repeat(2_000)]), client);
    const wait = partition.writable();
    expect(wait).toBeDefined();
    await wait;
    expect(partition.writable()).toBeUndefined();
    await committed(partition, lastOffset + 1);
  });
});

describe("a log file that others cut while it is in use", () => {
  test("is damaged from there on: readers are told so, and do not wait for ever", async () => {
    const root = makeTemporaryFolder("cut");
    const world = await openWorld(new FilesDisk(root), { settings: fromDisk });
    const partition = await world.open("orders", { "segment.records": 4 });
    for (let count = 0; count < 6; count += 1) await append(partition, [`value ${count}`]);
    const path = `${root}/orders-0/00000000000000000000.log`;
    const batchBytes = statSync(path).size / 4;
    truncateSync(path, 2 * batchBytes + 5);
    const limits = { sizeBytesMax: 1_000_000, wholeFirst: true, upTo: 6 };
    expect((await partition.read(0, limits)).sizeBytes).toBe(2 * batchBytes);
    for (const lost of [2, 3]) {
      const reading = Promise.resolve().then(() => partition.read(lost, limits));
      await expect(reading).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
    }
    expect(await readValues(partition, 4)).toEqual(["value 4", "value 5"]);
    await world.directory.close();
    removeFolder(root);
  });
});

test("files that could not be removed are never taken for those of a new topic", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  await append(await world.open("orders"), ["old"]);
  disk.fault = failing("list", "orders-0", ioError);
  const old = { name: "orders", id: topicId };
  await expect(world.directory.removePartition(old, 0)).rejects.toThrow("i/o error");
  disk.fault = () => undefined;
  const renewed = { name: "orders", id: topicId.slice().reverse() };
  const partition = await world.directory.openPartition(renewed, 0, defaultTopicSettings);
  expect(partition.end).toBe(0);
  await append(partition, ["new"]);
  const again = await openWorld(disk.afterKill());
  const reopened = await again.directory.openPartition(renewed, 0, defaultTopicSettings);
  expect(await readValues(reopened)).toEqual(["new"]);
});

test("a folder whose first file could not be made goes with its partition", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders");
  disk.fault = failing("open", "orders-0/partition.metadata", ioError);
  await expect(append(partition, ["old"])).rejects.toThrow("i/o error");
  disk.fault = () => undefined;
  expect((await disk.list("")).map(({ name }) => name)).toContain("orders-0");
  await world.directory.removePartition({ name: "orders", id: topicId }, 0);
  expect((await disk.list("")).map(({ name }) => name)).not.toContain("orders-0");
});
