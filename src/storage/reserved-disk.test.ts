import { beforeEach, expect, test } from "vitest";
import { diskContract } from "../../test/contracts/disk.contract.ts";
import type { Clock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import type { Disk, DiskSpace } from "../broker/ports/disk.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { ReservedDisk } from "./reserved-disk.ts";

const clock: Clock = { nowMs: () => 7, monotonicMs: () => 7, schedule: () => () => {} };
const capacityBytes = 1_000_000;
const reserveBytes = 400_000;
const warnings: string[] = [];
const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };

/** A disk that others use too, and that tells what they leave. */
class SharedDisk extends MemoryDisk {
  constructor(sizeBytesMax = capacityBytes) {
    super({ sizeBytesMax, clock });
  }

  override async space(): Promise<DiskSpace> {
    return { freeBytes: capacityBytes - this.usedBytes, freeFiles: 1_000 };
  }
}

const openOn = (disk: Disk, bytes = reserveBytes): Promise<ReservedDisk> =>
  ReservedDisk.open(disk, { reserveBytes: bytes, random: new SeededRandom(1), log });

let files: SharedDisk;
let disk: ReservedDisk;

beforeEach(async () => {
  warnings.length = 0;
  files = new SharedDisk();
  disk = await openOn(files);
});

diskContract("reserved", async () => {
  const reserved = await openOn(new SharedDisk(64_000_000));
  await reserved.space();
  return reserved;
});

async function write(onto: Disk, path: string, sizeBytes: number): Promise<void> {
  const file = await onto.open(path, { create: true });
  try {
    await file.append([new Uint8Array(sizeBytes)]);
  } finally {
    await file.close();
  }
}

/** What others do. */
async function fill(): Promise<void> {
  const { freeBytes } = await files.space();
  await write(files, "filler", freeBytes - 2_000);
}

const namesOn = async (one: Disk): Promise<string[]> =>
  (await one.list("")).map(({ name }) => name);

test("the reserve is a file of real bytes that no list shows and that counts as free", async () => {
  const before = (await disk.space())?.freeBytes;
  const [file] = await files.list("");
  expect(file).toMatchObject({ name: "xylem-reserve", sizeBytes: reserveBytes / 4 });
  expect((await files.readFile("xylem-reserve"))?.includes(200)).toBe(true);
  expect(await namesOn(disk)).toEqual([]);
  expect(before).toBe(capacityBytes);
  const after = (await disk.space())?.freeBytes ?? 0;
  expect(capacityBytes - after).toBeLessThan(1_000);
});

test("on a full disk a checkpoint is written from the reserve, records are not", async () => {
  await disk.space();
  await disk.makeDirectory("orders-0");
  await fill();
  const records = write(disk, "orders-0/00000000000000000000.log", 20_000);
  await expect(records).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(await namesOn(files)).toContain("xylem-reserve");
  await write(disk, "checkpoint", 20_000);
  expect(await namesOn(files)).not.toContain("xylem-reserve");
  expect(warnings).toEqual(["the disk is full: its reserve is used"]);
});

test("two that meet the full disk at once both use the reserve", async () => {
  await disk.space();
  await fill();
  await Promise.all([write(disk, "one", 20_000), write(disk, "other", 20_000)]);
  expect(await namesOn(disk)).toEqual(expect.arrayContaining(["one", "other"]));
});

test("what does not fit in the reserve either is refused, and is whole or not there", async () => {
  await disk.space();
  await fill();
  await expect(write(disk, "large", 200_000)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect((await disk.readFile("large"))?.length).toBe(0);
});

test("the reserve comes back with the space, not before", async () => {
  await disk.space();
  await fill();
  await write(disk, "checkpoint", 20_000);
  await disk.space();
  expect(await namesOn(files)).not.toContain("xylem-reserve");
  await files.remove("filler");
  await disk.space();
  expect(await namesOn(files)).toContain("xylem-reserve");
  await fill();
  await write(disk, "later", 20_000);
});

test("the next start takes over the reserve; another size of it is made anew", async () => {
  await disk.space();
  const again = await openOn(files);
  await fill();
  await write(again, "checkpoint", 20_000);
  await files.remove("filler");
  await again.space();
  const smaller = await openOn(files, 80_000);
  await smaller.space();
  const sizes = (await files.list("")).map(({ name, sizeBytes }) => [name, sizeBytes]);
  expect(sizes).toContainEqual(["xylem-reserve", 20_000]);
  await openOn(files, 0);
  expect(await namesOn(files)).not.toContain("xylem-reserve");
});
