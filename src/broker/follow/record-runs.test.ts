import { afterEach, beforeEach, expect, test } from "vitest";
import { tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { FaultyDisk } from "../../harness/faults/faulty-disk.ts";
import { systemClock } from "../../node/system-clock.ts";
import { MemoryDisk } from "../../storage/memory-disk.ts";
import { appendRecords } from "../records/append-records.ts";
import type { Topic } from "../topics/topics.ts";
import { RecordRun } from "./record-run.ts";
import { RecordRuns, type RunsByOffset } from "./record-runs.ts";

const partitionCount = 40;
/** As many as are read at a time. */
const readsMax = 32;
const end = 2;
const largeBytes = 100_000;

let memory: MemoryBroker;
let topic: Topic;
let runs: RecordRuns;
let homes: RunsByOffset[];

/** Of each partition the first record is on the disk only, the last in memory too. */
beforeEach(async () => {
  const disk = new MemoryDisk({ sizeBytesMax: 2 ** 30, clock: systemClock });
  const slow = new FaultyDisk(disk, (operation) =>
    operation === "read" ? Promise.resolve() : undefined,
  );
  memory = await MemoryBroker.open({ "log.tail.cache.max.bytes": largeBytes * 2 }, slow);
  topic = await memory.createTopic("orders", {}, partitionCount);
  for (const sizeBytes of [largeBytes, 1]) {
    for (let partition = 0; partition < partitionCount; partition++) {
      await append(partition, sizeBytes);
    }
  }
  runs = new RecordRuns({ broker: memory.broker, tools });
  homes = topic.partitions.map(() => new Map());
});

afterEach(() => memory.close());

async function append(partition: number, sizeBytes: number): Promise<void> {
  const records = [{ key: null, value: new Uint8Array(sizeBytes), headers: [], partition }];
  const how = { acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
  const { error } = await appendRecords(memory.broker, tools, { topic: "orders", records, ...how });
  if (error !== undefined) throw error;
}

function read(index: number, offset: number): RecordRun | Promise<RecordRun> {
  return runs.read(homes[index] as RunsByOffset, { topic, index, offset }, end);
}

test("who waits for his turn gets it, though those before him needed no disk", async () => {
  expect(read(0, 1)).toBeInstanceOf(RecordRun);
  const fromDisk = Array.from({ length: readsMax }, (_, index) => read(index, 0));
  expect(fromDisk.every((reading) => reading instanceof Promise)).toBe(true);
  const later = [0, 1].flatMap((round) =>
    Array.from({ length: partitionCount }, (_, index) => read(index, 1 - round)),
  );
  const found = await Promise.all([...fromDisk, ...later]);
  expect(found.every(({ records }) => records.length > 0)).toBe(true);
});

test("a turn that fails is the next one's, and leaves nothing behind", async () => {
  const fromDisk = Array.from({ length: readsMax }, (_, index) => read(index, 0));
  const outside = Array.from({ length: partitionCount }, (_, index) => read(index, 99));
  const last = read(partitionCount - 1, 1);
  for (const reading of await Promise.allSettled(outside.map(async (one) => await one))) {
    expect(reading).toMatchObject({ reason: { code: "OFFSET_OUT_OF_RANGE" } });
  }
  await Promise.all([...fromDisk, last]);
  expect(homes.some((home) => home.has(99))).toBe(false);
});
