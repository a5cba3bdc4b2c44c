import { expect, test } from "vitest";
import { append, memoryDisk, openWorld } from "../../../../test/support/log-directory.ts";
import type { Disk, DiskFile } from "../../ports/disk.ts";
import { largeBatchBytes } from "./stored-sum.ts";

const logPath = "orders-0/00000000000000000000.log";
const settings = { "log.tail.cache.max.bytes": 0 };
const lengthByte = 8;

/** Notes the largest read of a log file. */
function watched(disk: Disk, onRead: (length: number) => void): Disk {
  const watch = (file: DiskFile): DiskFile =>
    new Proxy(file, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "read") return value.bind(target);
        return (position: number, length: number) => {
          onRead(length);
          return target.read(position, length);
        };
      },
    });
  return new Proxy(disk, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name !== "open") return value.bind(target);
      return async (path: string, options: { create: boolean }) =>
        watch(await target.open(path, options));
    },
  });
}

async function writeLog(disk: Disk): Promise<void> {
  const world = await openWorld(disk, { settings });
  const partition = await world.open();
  for (let index = 0; index < 40; index += 1) await append(partition, ["x".repeat(1_000_000)]);
  await world.directory.close();
}

/** Adds 16 MiB to what the first batch says it is long. */
async function spoilLength(disk: Disk): Promise<void> {
  const bytes = ((await disk.readFile(logPath)) ?? new Uint8Array(0)).slice();
  bytes[lengthByte] = (bytes[lengthByte] as number) ^ 1;
  const file = await disk.open(logPath, { create: false });
  await file.truncate(0);
  await file.append([bytes]);
  await file.close();
}

test.each([true, false])(
  "a length that lost a bit takes no more memory than a piece (indexes there: %s)",
  async (hasIndexes) => {
    const disk = memoryDisk(200_000_000);
    await writeLog(disk);
    await spoilLength(disk);
    if (!hasIndexes) await disk.remove(logPath.replace(".log", ".index"));
    let largest = 0;
    const seen = watched(disk, (length) => (largest = Math.max(largest, length)));
    const partition = await (await openWorld(seen, { settings })).open();
    const read = async (offset: number): Promise<number> =>
      (await partition.read(offset, { sizeBytesMax: 1, wholeFirst: true, upTo: 40 })).sizeBytes;
    await expect((async () => read(0))()).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
    for (let offset = 1; offset < 40; offset += 1) {
      expect(await read(offset)).toBeGreaterThan(1_000_000);
    }
    expect(largest).toBeLessThan(largeBatchBytes);
  },
);

test("a batch that is as large as it says is read whole", async () => {
  const partition = await (
    await openWorld(memoryDisk(200_000_000), { settings })
  ).open("orders", {
    "max.message.bytes": 100_000_000,
  });
  await append(partition, ["x".repeat(largeBatchBytes + 1)]);
  await append(partition, ["after"]);
  const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: 2 };
  expect((await partition.read(0, limits)).sizeBytes).toBeGreaterThan(largeBatchBytes);
  expect((await partition.read(1, limits)).sizeBytes).toBeLessThan(100);
});
