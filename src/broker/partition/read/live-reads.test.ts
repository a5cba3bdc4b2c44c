import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import {
  append,
  batchOf,
  committed,
  fromDisk,
  openWorld,
  readValues,
  type LogWorld,
} from "../../../../test/support/log-directory.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { XylemError } from "../../../base/errors.ts";
import type { ReadResult } from "../partition-log.ts";
import type { Partition } from "../partition.ts";

const full = new XylemError("DISK_FULL", "no space left");
const small = { "internal.segment.bytes": 12_000, "tail.cache.records": 10 };
const sizes = [10, 300, 5_000, 70];
const values = Array.from({ length: 40 }, (_, index) => `${index}`.repeat(sizes[index % 4] ?? 1));

interface Counted {
  readonly disk: SimulatedDisk;
  readonly world: LogWorld;
  readonly partition: Partition;
  /** Operations since the last call that read a file. */
  readonly countReads: () => number;
}

async function openCounted(settings = {}): Promise<Counted> {
  const disk = new SimulatedDisk();
  let reads = 0;
  disk.fault = (operation) => {
    if (operation === "read" || operation === "readFile") reads += 1;
  };
  const world = await openWorld(disk, { settings });
  const partition = await world.open("orders", small);
  const countReads = (): number => {
    const count = reads;
    reads = 0;
    return count;
  };
  countReads();
  return { disk, world, partition, countReads };
}

const limits = (partition: Partition, sizeBytesMax = 1_000_000) => ({
  sizeBytesMax,
  wholeFirst: true,
  upTo: partition.committed,
});

describe("who reads what was just written", () => {
  test("has it at once, without a look at the disk, across segments too", async () => {
    const { partition, countReads } = await openCounted();
    for (const value of values) {
      const offset = await append(partition, [value]);
      const result = partition.read(offset, limits(partition));
      expect(result).not.toBeInstanceOf(Promise);
      expect((result as ReadResult).sizeBytes).toBeGreaterThan(value.length);
    }
    expect(await readValues(partition)).toEqual(values);
    expect(countReads()).toBe(0);
  });

  test("gets the bytes that lie on the disk, for every offset and limit", async () => {
    const live = await openCounted();
    const plain = await openCounted(fromDisk);
    for (const value of values) {
      for (const { partition } of [live, plain]) await append(partition, [value, "more"]);
    }
    live.countReads();
    for (let offset = 0; offset < live.partition.end; offset += 1) {
      for (const sizeBytesMax of [0, 500, 1_500, 1_000_000]) {
        const options = limits(live.partition, sizeBytesMax);
        const fromMemory = (await live.partition.read(offset, options)).chunks;
        const stored = (await plain.partition.read(offset, options)).chunks;
        expect(joinBytes(fromMemory)).toEqual(joinBytes(stored));
      }
    }
    expect(live.countReads()).toBe(0);
    expect(plain.countReads()).toBeGreaterThan(100);
  });

  test("goes to the disk for what has left memory, and finds it all", async () => {
    const { partition, countReads } = await openCounted({ "log.tail.cache.max.bytes": 10_000 });
    for (const value of values) await append(partition, [value]);
    expect(await readValues(partition)).toEqual(values);
    expect(countReads()).toBeGreaterThan(0);
    expect(await readValues(partition, partition.end - 1)).toEqual(values.slice(-1));
    expect(countReads()).toBe(0);
  });

  test("after a restart reads from the disk until there is something new", async () => {
    const { disk, partition } = await openCounted();
    await append(partition, ["old"]);
    const reopened = disk.afterKill();
    const after = await (await openWorld(reopened)).open("orders", small);
    await append(after, ["new"]);
    let reads = 0;
    reopened.fault = (operation) => void (operation === "read" && (reads += 1));
    expect(await readValues(after, 1)).toEqual(["new"]);
    expect(reads).toBe(0);
    expect(await readValues(after)).toEqual(["old", "new"]);
    expect(reads).toBeGreaterThan(0);
  });

  test("is never given what a full disk refused", async () => {
    const { disk, partition } = await openCounted();
    await append(partition, ["kept"]);
    disk.fault = (operation) => {
      if (operation === "append") throw full;
    };
    const refused = append(partition, ["refused"]);
    await expect(refused).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await readValues(partition)).toEqual(["kept"]);
    disk.fault = () => undefined;
    expect(await append(partition, ["taken"])).toBe(1);
    expect(await readValues(partition)).toEqual(["kept", "taken"]);
  });

  test("is never given what was deleted or is not committed", async () => {
    const { disk, partition } = await openCounted();
    for (const value of ["a", "b", "c"]) await append(partition, [value]);
    await partition.deleteRecordsBefore(2);
    expect(() => partition.read(1, limits(partition))).toThrow("asked for 1");
    expect(await readValues(partition, 2)).toEqual(["c"]);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    disk.fault = (operation) => (operation === "sync" ? gate : undefined);
    const { lastOffset } = partition.append(batchOf(["d"]), { origin: "client" });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(partition.committed).toBe(lastOffset);
    expect(await readValues(partition, 2)).toEqual(["c"]);
    open();
    await committed(partition, lastOffset + 1);
    expect(await readValues(partition, 2)).toEqual(["c", "d"]);
  });
});
