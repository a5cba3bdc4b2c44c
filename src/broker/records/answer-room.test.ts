import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { allCommitted } from "../../../test/support/transactional-producer.ts";
import { openFollowing } from "../follow/open-following.ts";
import { readFollowed } from "../follow/read-followed.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { type AnswerRoom, recordOverheadBytes } from "./answer-room.ts";
import { readPage } from "./read-page.ts";
import { parseRecordFilter } from "./record-filter.ts";

const recordBytes = 100_000;
const recordCount = 8;
let memory: MemoryBroker;
let log: PartitionLog;

beforeEach(async () => {
  memory = await MemoryBroker.open();
  const topic = await memory.createTopic("orders");
  log = topic.partitions[0] as PartitionLog;
  await log.load();
});

afterEach(() => memory.close());

async function fill(): Promise<void> {
  for (let count = 0; count < recordCount; count += 1) {
    log.append(batchOf(["x".repeat(recordBytes)]), { origin: "client" });
  }
  await allCommitted(log);
}

class Room implements AnswerRoom {
  readonly #bytesMax: number;
  bytes = 0;
  /** The most that was held at a time. */
  mostBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  takeUpTo(bytes: number, bytesMin: number): number {
    const taken = Math.min(bytes, Math.max(bytesMin, this.#bytesMax - this.bytes));
    this.take(taken);
    return taken;
  }

  take(bytes: number): void {
    if (this.bytes + bytes > this.#bytesMax) throw new Error("no room");
    this.bytes += bytes;
    this.mostBytes = Math.max(this.mostBytes, this.bytes);
  }

  giveBack(bytes: number): void {
    this.bytes -= bytes;
  }
}

const plain = {
  topic: "orders",
  partition: 0,
  position: "earliest",
  limit: 100,
  maxBytes: 10_000_000,
  waitMs: 0,
} as const;

test("a page has memory before it is read, and keeps what its records take", async () => {
  await fill();
  const room = new Room(10_000_000);
  const page = await readPage(memory.broker, tools, { ...plain, room });
  expect(page.records).toHaveLength(recordCount);
  expect(room.bytes).toBe(recordCount * (recordBytes + recordOverheadBytes));
  expect(room.mostBytes).toBeGreaterThanOrEqual(room.bytes);
});

test("without room nothing is read; with little, no more than one fetch beside it", async () => {
  await fill();
  const none = readPage(memory.broker, tools, { ...plain, room: new Room(1_000) });
  await expect(none).rejects.toThrow("no room");
  const little = new Room(3.5 * recordBytes);
  await expect(readPage(memory.broker, tools, { ...plain, room: little })).rejects.toThrow("room");
  expect(little.bytes).toBeLessThanOrEqual(3.5 * recordBytes);
});

test("what a filter leaves out is given back", async () => {
  await fill();
  const room = new Room(10_000_000);
  const filter = parseRecordFilter([["key", "nobody"]]);
  const page = await readPage(memory.broker, tools, { ...plain, filter, room });
  expect([page.records, room.bytes]).toEqual([[], 0]);
  expect(room.mostBytes).toBeGreaterThan(0);
});

test("who waits for a record holds nothing meanwhile", async () => {
  const room = new Room(10_000_000);
  const ask = { ...plain, position: "latest", waitMs: 60_000, room } as const;
  const reading = readPage(memory.broker, tools, ask);
  await memory.clock.advance(1_000);
  expect(room.mostBytes).toBe(0);
  await fill();
  expect((await reading).records.length).toBeGreaterThan(0);
  expect(room.bytes).toBeGreaterThan(recordBytes);
});

test("a page of several topics counts piece by piece as it is read", async () => {
  await fill();
  const scope = { broker: memory.broker, tools };
  const open = () =>
    openFollowing(scope, {
      wishes: [{ topic: "orders", partition: undefined, position: undefined }],
      from: "earliest",
      cursor: undefined,
      filter: undefined,
      sizeBytesMax: 1_000_000,
      partitionsMax: 10,
      tooMany: "",
    });
  const room = new Room(10_000_000);
  const limits = { limit: 100, maxBytes: 10_000_000, waitMs: 0 };
  const whole = await open();
  const page = await readFollowed(whole, memory.clock, { ...limits, room });
  expect(page.records).toHaveLength(recordCount);
  expect(room.bytes).toBe(recordCount * (recordBytes + recordOverheadBytes));
  whole.close();
  const bounded = await open();
  const little = new Room(3.5 * recordBytes);
  const reading = readFollowed(bounded, memory.clock, { ...limits, room: little });
  await expect(reading).rejects.toThrow("no room");
  expect(little.bytes).toBe(3 * (recordBytes + recordOverheadBytes));
  bounded.close();
});
