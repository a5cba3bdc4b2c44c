import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import {
  append,
  openWorld,
  readBytes,
  readValues,
  topicId,
} from "../../../../test/support/log-directory.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import {
  formatAbandonedName,
  isSetAsideOf,
  isDeletedName,
  parsePartitionName,
} from "../partition-name.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";

const fileText = (disk: SimulatedDisk, path: string): string => decodeUtf8(disk.peek(path));
const namesIn = async (disk: SimulatedDisk, directory = ""): Promise<string[]> =>
  (await disk.list(directory)).map(({ name }) => name).sort();

describe("a data directory", () => {
  test("keeps whose it is, and refuses another cluster or node", async () => {
    const disk = new SimulatedDisk();
    const { directory } = await openWorld(disk);
    const { meta } = (await openWorld(disk, { seed: 99 })).directory;
    expect(meta).toEqual(directory.meta);
    const strange = { "cluster.id": "AAAAAAAAAAAAAAAAAAAAAA" };
    await expect(openWorld(disk, { settings: strange })).rejects.toMatchObject({
      code: "INCONSISTENT_CLUSTER_ID",
    });
    await expect(openWorld(disk, { settings: { "node.id": 2 } })).rejects.toThrow("of node 1");
  });

  test("is marked clean by a close, and not any more once it is opened", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    await append(await world.open(), ["a"]);
    await world.directory.close();
    expect(await namesIn(disk)).toContain(".kafka_cleanshutdown");
    expect(fileText(disk, "recovery-point-offset-checkpoint")).toMatch("\norders 0 1\n");
    expect((await openWorld(disk)).directory.wasClean).toBe(true);
    expect(await namesIn(disk)).not.toContain(".kafka_cleanshutdown");
    expect((await openWorld(disk)).directory.wasClean).toBe(false);
  });

  test("is no clean one while its marker is held, and what was noted stays", async () => {
    const disk = new SimulatedDisk();
    const note = "recovery-point-offset-checkpoint";
    for (const isHeld of [false, true, false]) {
      const world = await openWorld(disk);
      const release = world.directory.holdMarker();
      if (!isHeld) release();
      await append(await world.open(), ["a"]);
      await world.directory.checkpoint();
      await world.directory.close();
      expect(disk.paths().includes(".kafka_cleanshutdown")).toBe(!isHeld);
      expect(fileText(disk, note)).toMatch(isHeld ? "\norders 0 1\n" : /\norders 0 [13]\n/);
    }
  });

  test("writes both files of log starts again where a kill came between the two", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const orders = await world.open();
    await append(orders, ["a", "b", "c"]);
    const [own, copy] = ["log-start-offset-checkpoint", "xylem-log-start-offsets"];
    disk.fault = (operation, path) => {
      if (operation === "rename" && path.startsWith(`${own}.`)) throw new Error("the kill");
    };
    await expect(orders.deleteRecordsBefore(2)).rejects.toThrow("the kill");
    disk.fault = () => undefined;
    const copied = disk.peek(copy).slice();
    const after = disk.afterKill();
    expect(decodeUtf8(copied)).toMatch("\norders 0 2\n");
    const again = await openWorld(after);
    expect((await again.open()).logStart).toBe(2);
    await again.directory.close();
    expect(fileText(after, copy)).toBe(fileText(after, own));
  });

  test("has the log starts of the copy where the file of them is gone", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const orders = await world.open();
    await append(orders, ["a", "b", "c"]);
    await orders.deleteRecordsBefore(2);
    const left = disk.afterKill();
    left.drop("log-start-offset-checkpoint");
    expect((await (await openWorld(left)).open()).logStart).toBe(2);
    expect(fileText(left, "log-start-offset-checkpoint")).toMatch("\norders 0 2\n");
  });

  test("writes to the checkpoints that Kafka made and left empty", async () => {
    const disk = new SimulatedDisk();
    const names = ["cleaner-offset-checkpoint", "log-start-offset-checkpoint"];
    for (const name of names) await (await disk.open(name, { create: true })).close();
    await (await openWorld(disk)).directory.close();
    for (const name of names) expect(fileText(disk, name)).toMatch(/^0\n/);
  });

  test("does not write the indexes of all partitions when one of them rolls", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const other = await world.open("others", { "index.interval.bytes": 0 });
    for (const value of ["a", "b", "c"]) await append(other, [value]);
    const written: string[] = [];
    disk.fault = (operation, path) => {
      if (operation === "append" && path.startsWith("others-0")) written.push(path);
    };
    const rolling = await world.open("orders", { "internal.segment.bytes": 100 });
    for (const value of ["a", "b", "c"]) {
      await append(rolling, [value]);
      await new Promise((resolve) => setImmediate(resolve));
      await world.clock.advance(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(fileText(disk, "recovery-point-offset-checkpoint")).toMatch("\norders 0 3\n");
    expect(written).toEqual([]);
  });

  test("is checkpointed every five seconds and at each roll", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { "internal.segment.bytes": 100 });
    await append(partition, ["a"]);
    await world.clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fileText(disk, "recovery-point-offset-checkpoint")).toMatch("\norders 0 1\n");
    expect(fileText(disk, "orders-0/leader-epoch-checkpoint")).toMatch(/^0\n1\n0 0\s{32}\n$/);
    await append(partition, ["b"]);
    // The closed segment's indexes reach the disk beside the appends.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await world.clock.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fileText(disk, "recovery-point-offset-checkpoint")).toMatch("\norders 0 2\n");
  });

  test("holds no trace of a removed partition, and a new one of its name starts at 0", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    await append(await world.open(), ["a", "b"]);
    await world.directory.checkpoint();
    await world.directory.removePartition({ name: "orders", id: topicId }, 0);
    expect((await namesIn(disk)).some(isDeletedName)).toBe(true);
    expect(fileText(disk, "recovery-point-offset-checkpoint")).toBe("0\n0\n");
    expect(await append(await world.open(), ["c"])).toBe(0);
    await world.clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await namesIn(disk)).some(isDeletedName)).toBe(false);
  });

  test("keeps what was set aside first, over a restart, until it is forgotten", async () => {
    const disk = new SimulatedDisk();
    const key = { name: "orders", id: topicId };
    const before = await openWorld(disk);
    await append(await before.open(), ["a", "b"]);
    await before.directory.checkpoint();
    await before.directory.setAsidePartition(key, 0);
    expect(await append(await before.open(), ["c"])).toBe(0);
    await before.directory.setAsidePartition(key, 0);
    expect(fileText(disk, "recovery-point-offset-checkpoint")).toBe("0\n0\n");
    await before.directory.closePartitions();
    const { directory } = await openWorld(disk);
    const aside = (await namesIn(disk)).filter((name) => name.endsWith("-damaged"));
    expect([aside.length, directory.findPartitions()]).toEqual([1, []]);
    expect(disk.peek(`${aside[0]}/00000000000000000000.log`).length).toBeGreaterThan(70);
    expect([directory.aside.has("orders", 0), directory.aside.has("orders", 1)]).toEqual([
      true,
      false,
    ]);
    await directory.aside.forget("orders", 0);
    expect((await namesIn(disk)).filter((name) => name.endsWith("-damaged"))).toEqual([]);
  });

  test("gives a new partition nothing of an older one that a crash removed half", async () => {
    const disk = new SimulatedDisk();
    disk.poke("recovery-point-offset-checkpoint", encodeUtf8("0\n1\norders 0 100\n"));
    await append(await (await openWorld(disk)).open(), ["a"]);
    const partition = await (await openWorld(disk.afterKill())).open();
    expect([partition.end, await readValues(partition)]).toEqual([1, ["a"]]);
  });

  test("removes at the start what was left to be removed", async () => {
    const disk = new SimulatedDisk();
    await disk.makeDirectory(formatAbandonedName("orders-0", "delete", new SeededRandom(1)));
    const { directory } = await openWorld(disk);
    expect(await namesIn(disk)).toEqual(["meta.properties"]);
    expect(directory.findPartitions()).toEqual([]);
  });

  test("puts the folder of another topic of the same name aside, never deletes it", async () => {
    const disk = new SimulatedDisk();
    const first = await openWorld(disk);
    await append(await first.open(), ["old"]);
    await first.directory.close();
    const { directory } = await openWorld(disk);
    const other = { name: "orders", id: new Uint8Array(16).fill(9) };
    const partition = await directory.openPartition(other, 0, defaultTopicSettings);
    expect(await append(partition, ["new"])).toBe(0);
    expect(await readValues(partition)).toEqual(["new"]);
    const aside = (await namesIn(disk)).find((name) => name.endsWith("-stray"));
    expect(await namesIn(disk, aside)).toContain("00000000000000000000.log");
  });

  test("opens a thousand empty partitions without a folder or a file", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    for (let index = 0; index < 1_000; index += 1) await world.open(`topic-${index}`);
    await world.directory.close();
    const expected = [".kafka_cleanshutdown", "meta.properties"];
    expect(await namesIn(disk)).toEqual(expected);
  });

  test("keeps no more files open than it may, and reads them all the same", async () => {
    const disk = new SimulatedDisk();
    let openCount = 0;
    let mostOpen = 0;
    const counted = countOpen(disk, (change) => {
      openCount += change;
      mostOpen = Math.max(mostOpen, openCount);
    });
    const world = await openWorld(counted, { settings: { "log.open.files.max": 16 } });
    const partitions = [];
    for (let index = 0; index < 40; index += 1) {
      const partition = await world.open(`topic-${index}`);
      await append(partition, [`value ${index}`]);
      partitions.push(partition);
    }
    for (const [index, partition] of partitions.entries()) {
      expect(await readValues(partition)).toEqual([`value ${index}`]);
      expect((await readBytes(partition, 0)).length).toBeGreaterThan(61);
    }
    expect(mostOpen).toBeLessThan(24);
  });
});

/** Counts handles as they open and close. */
function countOpen(disk: SimulatedDisk, onChange: (change: number) => void): SimulatedDisk {
  const open = disk.open.bind(disk);
  disk.open = async (path, options) => {
    const file = await open(path, options);
    onChange(1);
    const close = file.close.bind(file);
    file.close = async () => {
      onChange(-1);
      await close();
    };
    return file;
  };
  return disk;
}

test("the last dash splits a partition's name, and folders put aside are none", () => {
  expect(parsePartitionName("a-b-3")).toEqual({ topic: "a-b", index: 3 });
  expect(parsePartitionName("orders")).toBeUndefined();
  expect(parsePartitionName("a-0.0123456789abcdef0123456789abcdef-delete")).toBeUndefined();
});

test.each([1, 213, 214, 215, 249])(
  "a topic of %i characters is known by what is set aside",
  (n) => {
    const [one, other] = [`${"t".repeat(n)}-12`, `${"t".repeat(n)}-13`];
    const random = new SeededRandom(1);
    for (const fate of ["delete", "stray", "damaged"] as const) {
      const folder = formatAbandonedName(one, fate, random);
      expect(folder.length).toBeLessThanOrEqual(255);
      expect(parsePartitionName(folder)).toBeUndefined();
      expect(isSetAsideOf(folder, one)).toBe(fate === "damaged");
      expect(isSetAsideOf(folder, other)).toBe(false);
    }
  },
);
