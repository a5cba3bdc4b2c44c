import { afterEach, expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  openWorld,
  readValues,
} from "../../../test/support/log-directory.ts";
import { makeTemporaryFolder, removeFolder } from "../../../test/support/temporary-folder.ts";
import type { Partition } from "../../broker/partition/partition.ts";
import type { RetainedSegment } from "../../log/retention-plan.ts";
import { Cancellation } from "../../broker/ports/compactor.ts";
import { FilesDisk } from "../../storage/files-disk.ts";
import { systemClock } from "../system-clock.ts";
import { WorkerCompactor } from "./worker-compactor.ts";

const task = {
  folder: "orders-0",
  segments: [{ baseOffset: 0, endOffset: 10 }],
  dirtyFrom: 0,
  upTo: 10,
  aborted: [],
  nowMs: 0,
  deleteRetentionMs: 0,
  indexIntervalBytes: 4096,
  seed: [1, 2, 3, 4] as const,
  limits: {
    tableBytesMax: 1_048_576,
    tableLoadFactor: 0.9,
    bufferBytes: 4096,
    bytesPerSecond: 1e9,
  },
};

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) removeFolder(folder);
});

async function openFiles(): Promise<{ partition: Partition; close: () => Promise<void> }> {
  const root = makeTemporaryFolder("compaction");
  folders.push(root);
  const compactor = new WorkerCompactor(root, systemClock);
  const world = await openWorld(new FilesDisk(root), { compactor });
  const settings = { "cleanup.policy": ["compact"], "internal.segment.bytes": 2_000 };
  const partition = await world.open("orders", settings);
  return { partition, close: () => world.directory.close() };
}

async function fill(partition: Partition, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    partition.append(batchOf([`value ${index}`], { key: `key ${index % 10}` }), {
      origin: "client",
    });
  }
  await committed(partition, count);
}

test("a worker thread compacts files", async () => {
  const { partition, close } = await openFiles();
  await fill(partition, 500);
  const sizeBefore = partition.sizeBytes;
  const report = await partition.compaction.run();
  expect(report?.endOffset).toBeGreaterThan(400);
  expect(partition.sizeBytes).toBeLessThan(sizeBefore / 5);
  expect((await readValues(partition)).slice(-10)).toEqual(
    Array.from({ length: 10 }, (_, index) => `value ${490 + index}`),
  );
  await append(partition, ["after"], { key: "key 3" });
  await close();
});

test("a pass that is told to end leaves the log as it was", async () => {
  const { partition, close } = await openFiles();
  await fill(partition, 500);
  const before = await readValues(partition);
  const pass = partition.compaction.run();
  await partition.compaction.stop();
  expect(await pass).toBeUndefined();
  expect((await readValues(partition)).slice(-10)).toEqual(before.slice(-10));
  await close();
});

test("a pass that was told to end before it began ends at once", async () => {
  const { partition, close } = await openFiles();
  await fill(partition, 500);
  const compactor = new WorkerCompactor(folders.at(-1) as string, systemClock);
  const cancellation = new Cancellation();
  cancellation.wish();
  const { baseOffset, endOffset } = (await partition.retained())[0] as RetainedSegment;
  const segments = [{ baseOffset, endOffset }];
  const slow = { ...task, segments, limits: { ...task.limits, bytesPerSecond: 1 } };
  await expect(compactor.begin(slow, cancellation)).rejects.toThrow("told to end");
  await compactor.close();
  await close();
});

test("a thread that dies fails its pass", async () => {
  const compactor = new WorkerCompactor("/nowhere", systemClock);
  const begun = compactor.begin(task, new Cancellation());
  const outcome = begun.catch((error: Error) => error.message);
  await compactor.close();
  expect(await outcome).toMatch("the compaction thread ended");
});
