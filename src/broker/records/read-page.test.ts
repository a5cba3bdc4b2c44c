import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { batchOf, garbageBatch, tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../test/support/transactional-producer.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import { buildBatch } from "../../protocol/build-batch.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { parseRecordFilter } from "./record-filter.ts";
import { type Page, readPage, type ReadPage } from "./read-page.ts";

let memory: MemoryBroker;
let log: PartitionLog;

beforeEach(async () => {
  memory = await MemoryBroker.open();
  const topic = await memory.createTopic("orders");
  log = topic.partitions[0] as PartitionLog;
  await log.load();
});

afterEach(() => memory.close());

async function fill(from: number, to: number, key?: (number: number) => string): Promise<void> {
  for (let number = from; number < to; number += 1) {
    const options = key === undefined ? {} : { key: key(number) };
    log.append(batchOf([`${number}`], options), { origin: "client" });
  }
  await allCommitted(log);
}

function read(ask: Partial<ReadPage> = {}): Promise<Page> {
  const plain = { topic: "orders", partition: 0, limit: 100, maxBytes: 1_000_000, waitMs: 0 };
  return readPage(memory.broker, tools, { ...plain, position: "earliest", ...ask });
}

const values = ({ records }: Page): string[] =>
  records.map(({ value }) => decodeUtf8(value ?? new Uint8Array()));
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => `${from + at}`);

describe("how much", () => {
  test("a page begins at its offset and ends at its limit, within batches too", async () => {
    log.append(batchOf(numbers(0, 40)), { origin: "client" });
    await allCommitted(log);
    const page = await read({ position: 10, limit: 20 });
    expect(values(page)).toEqual(numbers(10, 30));
    const place = { nextOffset: 30, highWatermark: 40, lastStable: 40, logStart: 0 };
    expect(page).toMatchObject({ ...place, wasReset: false });
  });

  test("it is filled beyond one fetch", async () => {
    const value = "x".repeat(400_000);
    for (let count = 0; count < 8; count += 1) {
      log.append(batchOf([value]), { origin: "client" });
    }
    await allCommitted(log);
    expect((await read({ maxBytes: 10_000_000 })).records).toHaveLength(8);
  });

  test("bytes bound it to whole records; the first one comes whatever its size", async () => {
    log.append(batchOf(["aaaa", "bbbb", "cccc"]), { origin: "client" });
    await allCommitted(log);
    const page = await read({ maxBytes: 9 });
    expect(values(page)).toEqual(["aaaa", "bbbb"]);
    expect(page.nextOffset).toBe(2);
    const small = await read({ maxBytes: 1, position: page.nextOffset });
    expect(values(small)).toEqual(["cccc"]);
    expect(small.nextOffset).toBe(3);
  });

  test("the last ones are found from the end", async () => {
    await fill(0, 30);
    expect(values(await read({ position: { last: 20 } }))).toEqual(numbers(10, 30));
    expect(values(await read({ position: { last: 200 } }))).toEqual(numbers(0, 30));
  });

  test("records of aborted transactions are not given, nor those of open ones", async () => {
    const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
    one.send(log, ["aborted"]);
    other.send(log, ["committed"]);
    one.end(log, "abort");
    other.end(log, "commit");
    one.send(log, ["open"]);
    await allCommitted(log);
    const page = await read();
    expect(values(page)).toEqual(["committed"]);
    expect(page).toMatchObject({ nextOffset: 4, lastStable: 4, highWatermark: 5 });
  });
});

describe("where", () => {
  test("at the end and while the log is empty a page is empty and says so", async () => {
    expect(await read()).toMatchObject({ records: [], nextOffset: 0, highWatermark: 0 });
    await fill(0, 3);
    expect(await read({ position: 3 })).toMatchObject({ records: [], nextOffset: 3 });
  });

  test("outside the log it is an error with the range, or what reset says", async () => {
    await fill(0, 10);
    await log.deleteRecordsBefore(4);
    const error = { code: "OFFSET_OUT_OF_RANGE", message: "orders-0 holds 4 to 10, asked for 2" };
    await expect(read({ position: 2 })).rejects.toMatchObject(error);
    await expect(read({ position: 11 })).rejects.toMatchObject({ code: error.code });
    const first = await read({ position: 2, reset: "earliest" });
    expect(values(first)).toEqual(numbers(4, 10));
    expect(first).toMatchObject({ wasReset: true, logStart: 4 });
    const last = await read({ position: 11, reset: "latest" });
    expect(last).toMatchObject({ records: [], nextOffset: 10, wasReset: true });
  });

  test("an unknown topic or partition is named, and not made", async () => {
    const error = { code: "UNKNOWN_TOPIC_OR_PARTITION" };
    await expect(read({ topic: "unknown" })).rejects.toMatchObject(error);
    await expect(read({ partition: 1 })).rejects.toMatchObject(error);
    expect(memory.broker.topics.find("unknown")).toBeUndefined();
  });
});

describe("waiting", () => {
  test("a page waits for the first record and comes with it", async () => {
    const waiting = read({ waitMs: 30_000 });
    await memory.clock.advance(1_000);
    await fill(0, 1);
    expect(values(await waiting)).toEqual(["0"]);
  });

  test("it comes empty when its time is over, or nobody wants it any more", async () => {
    let isDone = false;
    const waiting = read({ waitMs: 30_000 }).finally(() => (isDone = true));
    await memory.clock.advance(29_000);
    expect(isDone).toBe(false);
    await memory.clock.advance(1_010);
    expect(await waiting).toMatchObject({ records: [], nextOffset: 0 });
    const abort = new AbortController();
    const aborted = read({ waitMs: 30_000, signal: abort.signal });
    await memory.clock.advance(10);
    abort.abort();
    expect((await aborted).records).toEqual([]);
    const late = { waitMs: 30_000, signal: abort.signal };
    expect((await read(late)).records).toEqual([]);
  });

  test("what the filter leaves out does not end the wait, and is not read again", async () => {
    const filter = parseRecordFilter([["key", "wanted"]]);
    const waiting = read({ waitMs: 30_000, filter });
    await fill(0, 5, () => "other");
    await memory.clock.advance(100);
    await fill(5, 6, () => "wanted");
    expect(await waiting).toMatchObject({ records: [{ offset: 5 }], nextOffset: 6 });
  });
});

describe("filters", () => {
  test("only what matches is given, and the next page goes on behind the rest", async () => {
    await fill(0, 20, (number) => (number % 5 === 0 ? "wanted" : "other"));
    const filter = parseRecordFilter([["key", "wanted"]]);
    const first = await read({ filter, limit: 2 });
    expect(values(first)).toEqual(["0", "5"]);
    expect(first.nextOffset).toBe(6);
    const second = await read({ filter, position: first.nextOffset });
    expect(values(second)).toEqual(["10", "15"]);
    expect(second.nextOffset).toBe(20);
  });

  test("a page goes over so many bytes, and says how far it came", async () => {
    await memory.close();
    memory = await MemoryBroker.open({ "http.filter.scan.max.bytes": 65_536 });
    const topic = await memory.createTopic("orders");
    log = topic.partitions[0] as PartitionLog;
    await log.load();
    const value = encodeUtf8("x".repeat(10_000));
    for (let count = 0; count < 30; count += 1) {
      log.append(batchOf([decodeUtf8(value)]), { origin: "client" });
    }
    await allCommitted(log);
    const filter = parseRecordFilter([["key", "none"]]);
    const page = await read({ filter, waitMs: 30_000 });
    expect(page).toMatchObject({ records: [], nextOffset: 7 });
    expect(await read({ filter, position: 28 })).toMatchObject({ nextOffset: 30 });
  });
});

describe("what can not be read", () => {
  /** Each record is a batch of its own on a disk of which nothing is kept in memory. */
  async function damageRecord(damaged: number, count: number): Promise<void> {
    await memory.close();
    const disk = new SimulatedDisk();
    memory = await MemoryBroker.open({ "log.tail.cache.max.bytes": 0 }, disk);
    log = (await memory.createTopic("orders")).partitions[0] as PartitionLog;
    await log.load();
    await fill(0, count, (number) => `k${number}`);
    const path = "orders-0/00000000000000000000.log";
    const at = (disk.peek(path).length / count) * (damaged + 1) - 2;
    disk.spoil(path, at, Uint8Array.of(0xff));
  }

  const damage = { code: "CORRUPT_MESSAGE", row: { http: 500, grpc: "DATA_LOSS" } };

  test("a page ends before a damaged record, the one that begins there says so", async () => {
    await damageRecord(1, 3);
    const bounds = { highWatermark: 3, lastStable: 3, logStart: 0 };
    const page = await read({ waitMs: 1_000 });
    expect(page).toMatchObject({ records: [{ offset: 0 }], nextOffset: 1, ...bounds });
    await expect(read({ position: 1 })).rejects.toMatchObject(damage);
    expect(values(await read({ position: 2 }))).toEqual(["2"]);
  });

  test("so does one whose filter has left out all that lies before", async () => {
    await damageRecord(2, 4);
    const filter = parseRecordFilter([["key", "k3"]]);
    expect(await read({ filter })).toMatchObject({ records: [], nextOffset: 2, highWatermark: 4 });
    await expect(read({ filter, position: 2 })).rejects.toMatchObject(damage);
  });

  test("it is the same with a sound batch whose contents do not open", async () => {
    log.append(batchOf(numbers(0, 3)), { origin: "client" });
    log.append(garbageBatch(4), { origin: "client" });
    log.append(batchOf(["7"]), { origin: "client" });
    await allCommitted(log);
    const page = await read();
    expect(values(page)).toEqual(["0", "1", "2"]);
    expect(page).toMatchObject({ nextOffset: 3, highWatermark: 8, lastStable: 8, logStart: 0 });
    const message = expect.stringContaining("orders-0 at 3 does not open") as string;
    await expect(read({ position: 3 })).rejects.toMatchObject({ ...damage, message });
    expect(values(await read({ position: 7 }))).toEqual(["7"]);
  });

  test("and with records that say that they lie beyond their batch", async () => {
    const value = encodeUtf8("far");
    const far = { key: null, value, timestampMs: 1, offsetDelta: 1_000 };
    log.append(batchOf(["0"]), { origin: "client" });
    log.append(buildBatch([far], { codec: "gzip", lastOffsetDelta: 0 }, tools), {
      origin: "client",
    });
    log.append(batchOf(["2"]), { origin: "client" });
    await allCommitted(log);
    expect(await read()).toMatchObject({ records: [{ offset: 0 }], nextOffset: 1 });
    await expect(read({ position: 1 })).rejects.toMatchObject(damage);
    expect(values(await read({ position: 2 }))).toEqual(["2"]);
  });
});
