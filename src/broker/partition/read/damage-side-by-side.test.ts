import { expect, test } from "vitest";
import { append, openWorld } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const settings = { "log.tail.cache.max.bytes": 0 };
const logPath = "orders-0/00000000000000000000.log";
const batchCount = 5;
/** The first segment is full with the batches; one more begins the second. */
const topic = { "segment.records": 2 * batchCount } as const;

async function startOf(partition: Partition, offset: number): Promise<number | string> {
  const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end };
  try {
    const [chunk] = (await partition.read(offset, limits)).chunks;
    const walk = new BatchWalk(chunk ?? new Uint8Array(), 0, 0);
    return walk.look() === "batch" ? walk.baseOffset : "nothing";
  } catch (error) {
    if (error instanceof XylemError) return error.code;
    throw error;
  }
}

/** Five batches of two records; records of the one at `at` rot, and the next one's base offset. */
async function openSpoiled(at: number, isRunning: boolean): Promise<Partition> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings });
  let partition = await world.open("orders", topic);
  const spoil = (): void => {
    const walk = new BatchWalk(disk.peek(logPath), 0, 0);
    for (let passed = 0; walk.look() === "batch" && passed < at; passed += 1) walk.advance();
    const inRecords = walk.position + batchHeaderBytes + 4;
    disk.spoil(logPath, inRecords, Uint8Array.of((disk.peek(logPath)[inRecords] ?? 0) ^ 1));
    const inBase = walk.position + walk.sizeBytes + 3;
    disk.spoil(logPath, inBase, Uint8Array.of(0x80));
  };
  for (let batch = 0; batch <= batchCount; batch += 1) await append(partition, ["one", "two"]);
  if (isRunning) {
    spoil();
    return partition;
  }
  await world.directory.close();
  spoil();
  partition = await (await openWorld(disk, { settings })).open("orders", topic);
  return partition;
}

test.each([
  { at: 0, isRunning: true },
  { at: 2, isRunning: true },
  { at: 3, isRunning: true },
  { at: 0, isRunning: false },
  { at: 2, isRunning: false },
  { at: 3, isRunning: false },
])("a rotted base offset behind rotted records takes no other batch along: %j", async (how) => {
  const partition = await openSpoiled(how.at, how.isRunning);
  const answers: (number | string)[] = [];
  for (let batch = 0; batch <= batchCount; batch += 1) {
    answers.push(await startOf(partition, 2 * batch));
  }
  const expected = Array.from({ length: batchCount + 1 }, (_, batch) =>
    batch === how.at || batch === how.at + 1 ? "CORRUPT_MESSAGE" : 2 * batch,
  );
  expect(answers).toEqual(expected);
  expect(partition.end).toBe(2 * batchCount + 2);
});
