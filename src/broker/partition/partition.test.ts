import { describe, expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  memoryDisk,
  openWorld,
  readValues,
} from "../../../test/support/log-directory.ts";

describe("partition", () => {
  test("records are read back in order with their offsets", async () => {
    const world = await openWorld(memoryDisk());
    const partition = await world.open();
    expect(await append(partition, ["a", "b"])).toBe(0);
    expect(await append(partition, ["c"])).toBe(2);
    expect(partition.end).toBe(3);
    expect(partition.committed).toBe(3);
    expect(await readValues(partition)).toEqual(["a", "b", "c"]);
    expect(await readValues(partition, 1)).toEqual(["b", "c"]);
  });

  test("no folder appears before the first append", async () => {
    const disk = memoryDisk();
    const world = await openWorld(disk);
    const partition = await world.open();
    const before = await disk.list("");
    expect(before.map(({ name }) => name)).toEqual(["meta.properties"]);
    await append(partition, ["a"]);
    const names = (await disk.list("orders-0")).map(({ name }) => name);
    expect(names.sort()).toEqual(["00000000000000000000.log", "partition.metadata"]);
  });

  test("many appends at once ride together and commit in order", async () => {
    const world = await openWorld(memoryDisk());
    const partition = await world.open();
    const order: number[] = [];
    const waits = Array.from({ length: 100 }, (_, index) => {
      const { lastOffset } = partition.append(batchOf([String(index)]), { origin: "client" });
      return committed(partition, lastOffset + 1).then(() => order.push(lastOffset));
    });
    await Promise.all(waits);
    expect(order).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect((await readValues(partition)).length).toBe(100);
  });

  test("a restart goes on where the log ended", async () => {
    const disk = memoryDisk();
    const first = await openWorld(disk);
    await append(await first.open(), ["a", "b"]);
    await first.directory.close();
    const second = await openWorld(disk);
    const partition = await second.open();
    expect(second.directory.wasClean).toBe(true);
    expect(partition.end).toBe(2);
    expect(await append(partition, ["c"])).toBe(2);
    expect(await readValues(partition)).toEqual(["a", "b", "c"]);
  });

  test("a process that never closed loses nothing that was acknowledged", async () => {
    const disk = memoryDisk();
    const first = await openWorld(disk);
    const before = await first.open("orders", { "internal.segment.bytes": 200 });
    for (const value of ["a", "b", "c", "d", "e"]) await append(before, [value]);
    const second = await openWorld(disk);
    const partition = await second.open("orders", { "internal.segment.bytes": 200 });
    expect(second.directory.wasClean).toBe(false);
    expect(await readValues(partition)).toEqual(["a", "b", "c", "d", "e"]);
  });
});
