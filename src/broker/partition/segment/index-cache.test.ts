import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, fromDisk, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { IndexCache, type IndexOwner } from "./index-cache.ts";

const full = new XylemError("DISK_FULL", "writing: the disk is full");
const small = { "internal.segment.bytes": 200, "index.interval.bytes": 50 };
const values = Array.from({ length: 40 }, (_, index) => `value ${index}`);

test("indexes past the bound go, the one used longest ago first, never the newest", () => {
  const cache = new IndexCache(2_400);
  const dropped: string[] = [];
  const owner = (name: string): IndexOwner => ({ dropIndex: () => dropped.push(name) });
  const [a, b, c, large] = [owner("a"), owner("b"), owner("c"), owner("large")];
  cache.keep(a, 1_000);
  cache.keep(b, 1_000);
  cache.touch(a);
  cache.keep(c, 1_000);
  expect(dropped).toEqual(["b"]);
  cache.keep(large, 9_000);
  expect(dropped).toEqual(["b", "a", "c"]);
  cache.forget(large);
  expect(cache.bytes).toBe(0);
});

/** How often index files are read while each record is. */
async function countIndexReads(cacheBytes: number): Promise<number> {
  const disk = new SimulatedDisk();
  const settings = { ...fromDisk, "log.index.cache.max.bytes": cacheBytes };
  const partition = await (await openWorld(disk, { settings })).open("orders", small);
  for (const value of values) await append(partition, [value]);
  let count = 0;
  disk.fault = (operation, path) => {
    if (operation === "readFile" && path.endsWith(".index")) count += 1;
  };
  for (let round = 0; round < 2; round += 1) {
    for (const [offset, value] of values.entries()) {
      expect((await readValues(partition, offset))[0]).toBe(value);
    }
  }
  return count;
}

test("indexes of closed segments take bounded memory, and are read again when needed", async () => {
  expect(await countIndexReads(1_000_000)).toBe(0);
  expect(await countIndexReads(1_000)).toBeGreaterThan(20);
});

test("a segment whose lost index a full disk does not take is read all the same", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const before = await world.open("orders", small);
  for (const value of values) await append(before, [value]);
  await world.directory.close();
  const partition = await (await openWorld(disk)).open("orders", small);
  await disk.remove("orders-0/00000000000000000000.index");
  disk.fault = (operation, path) => {
    if (operation === "append" && path.endsWith("index")) throw full;
  };
  expect(await readValues(partition)).toEqual(values);
  expect((await partition.findByTimestamp(0, partition.end))?.offset).toBe(0);
});
