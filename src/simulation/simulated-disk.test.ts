import { expect, test } from "vitest";
import { SeededRandom } from "../base/seeded-random.ts";
import { XylemError } from "../base/errors.ts";
import { diskContract } from "../../test/contracts/disk.contract.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const seeds = Array.from({ length: 200 }, (_, index) => new SeededRandom(index + 1));

diskContract("simulated", () => Promise.resolve(new SimulatedDisk()));

/** A disk with one durable file that holds `synced`, and `unsynced` behind it. */
async function diskWith(synced: string, unsynced: string): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const file = await disk.open("a", { create: true });
  await file.append([text(synced)]);
  await file.sync();
  await disk.syncDirectory("");
  if (unsynced !== "") await file.append([text(unsynced)]);
  return disk;
}

test("a power cut leaves what was synced, whatever becomes of the rest", async () => {
  const disk = await diskWith("safe", "loose".repeat(400));
  const left = seeds.map((random) => disk.afterPowerCut(random).peek("a"));
  for (const bytes of left) expect(show(bytes.subarray(0, 4))).toBe("safe");
  const sizes = new Set(left.map(({ length }) => length));
  expect(Math.min(...sizes)).toBe(4);
  expect(sizes.size).toBeGreaterThan(50);
});

test("of unsynced bytes a power cut leaves a part, zeros in the middle, or garbage", async () => {
  const disk = await diskWith("", "x".repeat(4_096));
  const left = seeds.map((random) => disk.afterPowerCut(random).peek("a"));
  const has = (wanted: (byte: number) => boolean): number =>
    left.filter((bytes) => bytes.some(wanted)).length;
  const x = 0x78;
  expect(left.filter((bytes) => bytes.every((byte) => byte === x)).length).toBeGreaterThan(20);
  expect(has((byte) => byte === 0)).toBeGreaterThan(20);
  expect(has((byte) => byte !== 0 && byte !== x)).toBeGreaterThan(20);
});

test("a file that was cut and written anew may come back with its old end", async () => {
  const disk = await diskWith("abcdef", "");
  const file = await disk.open("a", { create: false });
  await file.truncate(2);
  await file.append([text("XY")]);
  const left = new Set(seeds.map((random) => show(disk.afterPowerCut(random).peek("a"))));
  expect([...left].every((value) => value.startsWith("ab"))).toBe(true);
  expect(left).toContain("abcdef");
  expect(left).toContain("abXY");
  expect(left).toContain("ab");
  await file.sync();
  for (const random of seeds) expect(show(disk.afterPowerCut(random).peek("a"))).toBe("abXY");
});

test("a sync that was under way when bytes came does not cover them", async () => {
  const disk = await diskWith("", "early");
  const file = await disk.open("a", { create: false });
  const gate = Promise.withResolvers<void>();
  disk.fault = (operation) => (operation === "sync" ? gate.promise : undefined);
  const syncing = file.sync();
  await file.append([text("late")]);
  gate.resolve();
  await syncing;
  const left = new Set(seeds.map((random) => show(disk.afterPowerCut(random).peek("a"))));
  expect([...left].every((value) => value.startsWith("early"))).toBe(true);
  expect(left).toContain("early");
});

test("names are lost until their directory was synced, each on its own", async () => {
  const disk = new SimulatedDisk();
  for (const name of ["a", "b", "c"]) await disk.open(name, { create: true });
  const names = (random: SeededRandom): string => disk.afterPowerCut(random).paths().join();
  const before = new Set(seeds.map(names));
  expect([...before].toSorted()).toEqual(["", "a", "a,b", "a,b,c", "a,c", "b", "b,c", "c"]);
  await disk.syncDirectory("");
  expect(new Set(seeds.map(names))).toEqual(new Set(["a,b,c"]));
});

test("a rename comes through whole or not at all", async () => {
  const disk = await diskWith("old", "");
  const file = await disk.open("a.tmp", { create: true });
  await file.append([text("new")]);
  await file.sync();
  await disk.syncDirectory("");
  await disk.rename("a.tmp", "a");
  const left = new Set(
    seeds.map((random) => {
      const after = disk.afterPowerCut(random);
      return `${after.paths().toSorted().join()}=${show(after.peek("a"))}`;
    }),
  );
  expect(left).toEqual(new Set(["a,a.tmp=old", "a=new"]));
});

test("a removed name comes back when its directory was not synced", async () => {
  const disk = await diskWith("x", "");
  await disk.remove("a");
  const left = new Set(seeds.map((random) => disk.afterPowerCut(random).paths().join()));
  expect(left).toEqual(new Set(["", "a"]));
});

test("when only the process dies, what was written stays, and a part of a write", async () => {
  const disk = await diskWith("safe", "loose");
  const file = await disk.open("a", { create: false });
  disk.fault = () => new Promise(() => {});
  void file.append([text("12"), text("34")]);
  const left = new Set(seeds.map((random) => show(disk.afterKill(random).peek("a"))));
  // Each kill tears the same pending write once more.
  expect([...left].every((value) => value.startsWith("safeloose"))).toBe(true);
});

test("the operations of a process that died have no effect and no end", async () => {
  const disk = await diskWith("safe", "");
  const file = await disk.open("a", { create: false });
  const gate = Promise.withResolvers<void>();
  disk.fault = () => gate.promise;
  let ended = false;
  const note = (): void => void (ended = true);
  const tried = [file.append([text("no")]), disk.remove("a"), file.sync()];
  for (const one of tried) void Promise.resolve(one).then(note, note);
  const next = disk.afterKill();
  gate.resolve();
  void disk.list("").then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBe(false);
  expect(show(next.peek("a"))).toBe("safe");
});

test("a flush that failed may have lost the bytes, and the next one does not say so", async () => {
  const outcomes = new Set<string>();
  for (const random of seeds) {
    const disk = await diskWith("safe", "loose");
    const file = await disk.open("a", { create: false });
    disk.fault = (operation) => {
      if (operation !== "sync") return;
      disk.loseCache("a", random);
      throw new XylemError("KAFKA_STORAGE_ERROR", "EIO");
    };
    await expect(file.sync()).rejects.toThrow("EIO");
    disk.fault = () => undefined;
    await file.sync();
    expect(disk.peek("a").length).toBe(9);
    outcomes.add(show(disk.afterPowerCut(random).peek("a")));
  }
  expect(outcomes).toEqual(new Set(["safeloose", "safe\0\0\0\0\0"]));
});

test("a full disk refuses appends and new files, and takes them when something went", async () => {
  const disk = new SimulatedDisk({ capacityBytes: 10 });
  const file = await disk.open("a", { create: true });
  await file.append([text("12345678")]);
  const other = await disk.open("b", { create: true });
  expect(() => other.append([text("abc")])).toThrow("full");
  expect(other.sizeBytes).toBe(0);
  await other.append([text("ab")]);
  await expect(disk.open("c", { create: true })).rejects.toMatchObject({ code: "DISK_FULL" });
  await disk.remove("a");
  await other.append([text("cdefgh")]);
  expect(disk.usedBytes).toBe(8);
});

test("rot changes bytes in the cache and on the platter alike", async () => {
  const disk = await diskWith("safe", "loose");
  disk.spoil("a", 1, text("X"));
  expect(show(disk.peek("a"))).toBe("sXfeloose");
  for (const random of seeds) {
    expect(show(disk.afterPowerCut(random).peek("a").subarray(0, 4))).toBe("sXfe");
  }
});
