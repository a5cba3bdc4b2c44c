import { expect, test } from "vitest";
import {
  append,
  memoryDisk,
  openWorld,
  readValues,
} from "../../../../test/support/log-directory.ts";
import type { Disk } from "../../ports/disk.ts";

const small = { "segment.bytes": 200, durability: "os" } as const;
const first = "orders-0/00000000000000000000";

/** Four segments of one record each, and other names of the first one's files. */
async function shareFirstSegment() {
  const disk = memoryDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", small);
  for (const value of ["a", "b", "c", "d"]) await append(partition, [value.repeat(100)]);
  await world.directory.close();
  await disk.remove(".kafka_cleanshutdown");
  await disk.remove("recovery-point-offset-checkpoint");
  await disk.makeDirectory("kept");
  for (const suffix of [".log", ".index", ".timeindex"]) {
    await disk.link(`${first}${suffix}`, `kept/first${suffix}`);
  }
  return disk;
}

async function sizesOf(disk: Disk, folder: string): Promise<Map<string, number>> {
  return new Map((await disk.list(folder)).map(({ name, sizeBytes }) => [name, sizeBytes]));
}

test("a closed segment that is cut at a start keeps its bytes under another name", async () => {
  const disk = await shareFirstSegment();
  const before = await sizesOf(disk, "kept");
  for (const { name } of await disk.list("orders-0")) {
    const isLater = name.endsWith(".log") && !name.startsWith("00000000000000000000.");
    if (isLater) await disk.remove(`orders-0/${name}`);
  }
  // Only an empty segment follows: what does not check at the end of the first one is a torn tail.
  const next = await disk.open("orders-0/00000000000000000001.log", { create: true });
  await next.close();
  const log = await disk.readFile(`${first}.log`);
  const spoiled = Uint8Array.from(log ?? []);
  spoiled[spoiled.length - 1] = (spoiled.at(-1) ?? 0) ^ 1;
  await disk.remove(`${first}.log`);
  await disk.remove("kept/first.log");
  const file = await disk.open("kept/first.log", { create: true });
  await file.append([spoiled]);
  await file.close();
  await disk.link("kept/first.log", `${first}.log`);
  const world = await openWorld(disk);
  const partition = await world.open("orders", small);
  expect(partition.end).toBe(0);
  expect((await sizesOf(disk, "orders-0")).get("00000000000000000000.log")).toBe(0);
  await append(partition, ["anew"]);
  expect(await readValues(partition)).toEqual(["anew"]);
  expect(await sizesOf(disk, "kept")).toEqual(before);
});

test("indexes that are made anew leave the shared ones as they were", async () => {
  const disk = await shareFirstSegment();
  const before = await disk.readFile("kept/first.timeindex");
  const world = await openWorld(disk);
  const partition = await world.open("orders", small);
  expect(await readValues(partition)).toHaveLength(4);
  await world.directory.close();
  const own = await disk.open(`${first}.timeindex`, { create: false });
  await own.truncate(0);
  await own.close();
  expect(await disk.readFile("kept/first.timeindex")).toEqual(before);
});
