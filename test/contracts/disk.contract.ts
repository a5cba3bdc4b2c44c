import { describe, expect, test } from "vitest";
import type { Disk } from "../../src/broker/ports/disk.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const run = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);

/** What every `Disk` holds. `make` answers an empty one. */
export function diskContract(name: string, make: () => Promise<Disk>): void {
  describe(`disk contract: ${name}`, () => {
    filesContract(make);
    directoriesContract(make);
    linksContract(make);
  });
}

function filesContract(make: () => Promise<Disk>): void {
  test("appended chunks are read back in order", async () => {
    const disk = await make();
    const file = await disk.open("a.log", { create: true });
    await file.append([bytes(1, 2), bytes(), bytes(3)]);
    await file.append([bytes(4, 5)]);
    expect([...(await file.read(0, 100))]).toEqual([1, 2, 3, 4, 5]);
    expect([...(await file.read(1, 3))]).toEqual([2, 3, 4]);
    expect([...(await file.read(1, 3, new Uint8Array(7)))]).toEqual([2, 3, 4]);
    expect([...(await file.read(3, 5, new Uint8Array(5)))]).toEqual([4, 5]);
    expect(file.sizeBytes).toBe(5);
    await file.close();
  });

  test("an append of any size, from a few bytes to megabytes, reads back equal", async () => {
    const disk = await make();
    const file = await disk.open("a.log", { create: true });
    const sizes = [1, 100, 4_095, 4_096, 70_000, 3, 2_000_000, 61];
    let first = 0;
    for (const size of sizes) {
      await file.append([run(size, first), run(size, first + 7)]);
      first += 13;
    }
    let position = 0;
    first = 0;
    for (const size of sizes) {
      expect(Buffer.compare(await file.read(position, size), run(size, first))).toBe(0);
      expect(Buffer.compare(await file.read(position + size, size), run(size, first + 7))).toBe(0);
      position += size * 2;
      first += 13;
    }
    expect((await file.read(0, position)).length).toBe(position);
    await file.close();
  });

  test("a read at or past the end is empty", async () => {
    const disk = await make();
    const file = await disk.open("a.log", { create: true });
    await file.append([bytes(1)]);
    expect((await file.read(1, 10)).length).toBe(0);
    expect((await file.read(9, 10)).length).toBe(0);
    await file.close();
  });

  test("bytes handed to a reader do not change when the file is cut and grows again", async () => {
    const disk = await make();
    const file = await disk.open("a.log", { create: true });
    await file.append([bytes(1, 2, 3, 4)]);
    const before = await file.read(0, 4);
    await file.truncate(2);
    await file.append([bytes(9, 9)]);
    expect([...before]).toEqual([1, 2, 3, 4]);
    expect([...(await file.read(0, 10))]).toEqual([1, 2, 9, 9]);
    await file.close();
  });

  test("a file keeps its bytes over close and open, and is listed with its size", async () => {
    const disk = await make();
    const file = await disk.open("a.log", { create: true });
    await file.append([bytes(1, 2, 3)]);
    await file.sync();
    await file.close();
    await file.close();
    const again = await disk.open("a.log", { create: false });
    expect(again.sizeBytes).toBe(3);
    await again.append([bytes(4)]);
    expect([...(await again.read(0, 9))]).toEqual([1, 2, 3, 4]);
    await again.close();
    const [entry] = await disk.list("");
    expect(entry).toMatchObject({ name: "a.log", isDirectory: false, sizeBytes: 4 });
  });

  test("opening an absent file without create is a storage error", async () => {
    const disk = await make();
    await expect(disk.open("no.log", { create: false })).rejects.toMatchObject({
      code: "KAFKA_STORAGE_ERROR",
    });
    await expect(disk.open("no/such.log", { create: true })).rejects.toMatchObject({
      code: "KAFKA_STORAGE_ERROR",
    });
  });

  test("a file that is removed while it is open can still be read", async () => {
    const disk = await make();
    const file = await disk.open("a.log", { create: true });
    await file.append([bytes(1, 2, 3)]);
    await disk.remove("a.log");
    expect([...(await file.read(0, 3))]).toEqual([1, 2, 3]);
    expect(await disk.list("")).toEqual([]);
    await file.close();
  });
}

function directoriesContract(make: () => Promise<Disk>): void {
  test("the space left is told in bytes and files, where others share it", async () => {
    const space = await (await make()).space();
    if (space === undefined) return;
    expect(space.freeBytes).toBeGreaterThan(0);
    expect(space.freeFiles).toBeGreaterThan(0);
  });

  test("an absent file reads as undefined, an absent directory lists as empty", async () => {
    const disk = await make();
    expect(await disk.readFile("nothing")).toBeUndefined();
    expect(await disk.list("nothing")).toEqual([]);
    await disk.remove("nothing");
    await disk.removeDirectory("nothing");
  });

  test("directories hold files, are renamed with them, and are removed with them", async () => {
    const disk = await make();
    await disk.makeDirectory("t-0");
    await disk.makeDirectory("t-0");
    const file = await disk.open("t-0/a.log", { create: true });
    await file.append([bytes(1)]);
    await file.close();
    await disk.syncDirectory("t-0");
    await disk.rename("t-0", "t-0.gone-delete");
    expect(await disk.list("t-0")).toEqual([]);
    expect([...((await disk.readFile("t-0.gone-delete/a.log")) ?? [])]).toEqual([1]);
    await disk.removeDirectory("t-0.gone-delete");
    expect(await disk.list("")).toEqual([]);
  });

  test("a rename replaces the file of that name", async () => {
    const disk = await make();
    for (const [name, value] of [
      ["a", 1],
      ["a.tmp", 2],
    ] as const) {
      const file = await disk.open(name, { create: true });
      await file.append([bytes(value)]);
      await file.close();
    }
    await disk.rename("a.tmp", "a");
    expect([...((await disk.readFile("a")) ?? [])]).toEqual([2]);
    expect((await disk.list("")).map((entry) => entry.name)).toEqual(["a"]);
    await disk.syncDirectory("");
  });

  test("a path that leaves the directory is a defect", async () => {
    const disk = await make();
    await expect(disk.open("../a.log", { create: true })).rejects.toThrow("leaves");
  });
}

function linksContract(make: () => Promise<Disk>): void {
  const write = async (disk: Disk, path: string, ...values: number[]): Promise<void> => {
    const file = await disk.open(path, { create: true });
    await file.append([bytes(...values)]);
    await file.sync();
    await file.close();
  };
  const content = async (disk: Disk, path: string): Promise<number[] | undefined> => {
    const read = await disk.readFile(path);
    return read === undefined ? undefined : [...read];
  };

  test("a linked file lives under each name for as long as that name does", async () => {
    const disk = await make();
    for (const folder of ["t-0", "u-0"]) await disk.makeDirectory(folder);
    await write(disk, "t-0/a.log", 1, 2, 3);
    await disk.link("t-0/a.log", "u-0/a.log");
    await disk.syncDirectory("u-0");
    expect(await content(disk, "u-0/a.log")).toEqual([1, 2, 3]);
    await disk.removeDirectory("t-0");
    expect(await content(disk, "u-0/a.log")).toEqual([1, 2, 3]);
    await disk.remove("u-0/a.log");
    expect(await content(disk, "u-0/a.log")).toBeUndefined();
  });

  test("replacing one name of a linked file leaves the other as it was", async () => {
    const disk = await make();
    await write(disk, "a.index", 1);
    await disk.link("a.index", "b.index");
    await write(disk, "a.index.tmp", 2);
    await disk.rename("a.index.tmp", "a.index");
    expect([await content(disk, "a.index"), await content(disk, "b.index")]).toEqual([[2], [1]]);
  });

  test("a link is made from a file that is there, to a name that is not", async () => {
    const disk = await make();
    await write(disk, "a", 1);
    await write(disk, "b", 2);
    const refused = { code: "KAFKA_STORAGE_ERROR" };
    await expect(disk.link("a", "b")).rejects.toMatchObject(refused);
    await expect(disk.link("nothing", "c")).rejects.toMatchObject(refused);
    await expect(disk.link("a", "no/such/folder")).rejects.toMatchObject(refused);
    expect(await content(disk, "b")).toEqual([2]);
  });

  test("a file is linked onto another disk of the same kind", async () => {
    const [source, target] = [await make(), await make()];
    await write(source, "a.log", 4, 5);
    await source.link("a.log", "b.log", target);
    await source.remove("a.log");
    expect(await content(target, "b.log")).toEqual([4, 5]);
  });
}
