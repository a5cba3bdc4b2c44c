import assert from "node:assert/strict";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, expect, test } from "vitest";
import { type ReadOptions, type ReadRecord, Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

const folder = makeTemporaryFolder("embedded-records");

afterAll(() => removeFolder(folder));

test.each([
  { place: "memory", tailBytes: 32_768, valueBytes: 700 },
  { place: "the disk", tailBytes: 0, valueBytes: 70_000 },
])("records that a program keeps stay as they came from $place", async (how) => {
  const { tailBytes, valueBytes } = how;
  const settings = { "log.tail.cache.max.bytes": tailBytes };
  await using xylem = await Xylem.start({ data: join(folder, String(tailBytes)), settings });
  const [orders, other] = await Promise.all(
    ["orders", "other"].map((name) => xylem.topic(name, { configs: { "tail.cache.records": 0 } })),
  );
  assert(orders !== undefined && other !== undefined);
  const value = (at: number): string => String(at % 10).repeat(valueBytes);
  const kept: ReadRecord[] = [];
  const stop = new AbortController();
  const keepAll = async (): Promise<void> => {
    for await (const one of orders.read({ live: true, signal: stop.signal })) kept.push(one);
  };
  const keeping = keepAll().catch(() => undefined);
  for (let at = 0; at < 40; at += 1) {
    await orders.append({ value: value(at) });
    await expect.poll(() => kept.length).toBe(at + 1);
    // What goes for these had held records that were read.
    for (let more = 0; more < 10; more += 1) await other.append({ value: "x".repeat(700) });
  }
  stop.abort();
  await keeping;
  const changed = kept.filter((one, at) => one.text() !== value(at));
  expect(changed.map(({ offset }) => offset)).toEqual([]);
});

test("an append on a condition is made only if nothing came between", async () => {
  await using xylem = await Xylem.start();
  const topic = await xylem.topic("conditional", { partitions: 2 });
  const key = "account";
  const first = await topic.append({ key, value: "1" }, { expectedOffset: 0 });
  await topic.append({ key, value: "2" }, { expectedOffset: first.offset + 1 });
  const late = topic.append({ key, value: "lost" }, { expectedOffset: first.offset + 1 });
  await expect(late).rejects.toMatchObject({ code: "OFFSET_MISMATCH" });
  const values: string[] = [];
  for await (const record of topic.read()) values.push(record.text());
  expect(values).toEqual(["1", "2"]);
});

test("an append says how durable, how acknowledged and how replicated it must be", async () => {
  await using xylem = await Xylem.start({ data: join(folder, "terms") });
  const topic = await xylem.topic("terms", { configs: { durability: "os" } });
  await topic.append({ value: "flushed" }, { durability: "fsync", acks: 1 });
  await topic.append({ value: "unanswered" }, { acks: 0 });
  const refused = topic.append({ value: "lost" }, { minReplicas: 2 });
  await expect(refused).rejects.toMatchObject({ code: "NOT_ENOUGH_REPLICAS" });
  const values: string[] = [];
  for await (const record of topic.read({ live: true })) {
    if (values.push(record.text()) === 2) break;
  }
  expect(values).toEqual(["flushed", "unanswered"]);
});

test("a read begins at a time, and gives only what matches its filter", async () => {
  await using xylem = await Xylem.start();
  const topic = await xylem.topic("wanted");
  const orders = [1_000, 2_000, 3_000, 4_000].map((timestamp, index) => ({
    key: `k${index}`,
    value: { total: index, customer: { id: index % 2 === 0 ? "even" : "odd" } },
    headers: { type: index > 2 ? "paid" : "open" },
    timestamp,
  }));
  await topic.append(orders);
  const keysOf = async (options: ReadOptions): Promise<(string | null)[]> => {
    const keys: (string | null)[] = [];
    for await (const record of topic.read(options)) keys.push(record.keyText());
    return keys;
  };
  expect(await keysOf({ from: new Date(2_500) })).toEqual(["k2", "k3"]);
  expect(await keysOf({ filter: { "json./customer/id": "even" } })).toEqual(["k0", "k2"]);
  const both = { "header.type": "open", "json./customer/id": "odd" };
  expect(await keysOf({ filter: both })).toEqual(["k1"]);
  await expect(keysOf({ filter: { value: "x" } })).rejects.toThrow("not value");
});

test("a live read goes on in partitions that are added meanwhile", async () => {
  await using xylem = await Xylem.start();
  const topic = await xylem.topic("growing", { partitions: 1 });
  await topic.append({ value: "first", partition: 0 });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const record of topic.read({ live: true })) {
      seen.push(`${record.partition} ${record.text()}`);
      if (seen.length === 2) break;
    }
  })();
  await expect.poll(() => seen).toEqual(["0 first"]);
  const admin = new Kafka({ brokers: [xylem.bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic: "growing", count: 2 }] });
  await admin.disconnect();
  await topic.append({ value: "second", partition: 1 });
  await reading;
  expect(seen).toEqual(["0 first", "1 second"]);
});

test("a live reader whom retention overtakes is told, and is given no gap", async () => {
  await using xylem = await Xylem.start();
  const configs = { "segment.records": 1, "retention.records": 2 };
  const topic = await xylem.topic("fast", { partitions: 1, configs });
  await topic.append({ value: "0" });
  const reading = topic.read({ live: true });
  expect((await reading.next()).value?.text()).toBe("0");
  await topic.append(["1", "2", "3", "4"].map((value) => ({ value })));
  await xylem.evict();
  await expect(reading.next()).rejects.toMatchObject({ code: "OFFSET_OUT_OF_RANGE" });
});

test("a program that appends and reads without a pause keeps no timer waiting", async () => {
  await using xylem = await Xylem.start();
  const orders = await xylem.topic("orders");
  let isStopped = false;
  const later = (): void => {
    isStopped = true;
  };
  setTimeout(later, 20);
  for (let at = 0; at < 100_000 && !isStopped; at += 1) await orders.append({ value: "x" });
  expect(isStopped).toBe(true);
  isStopped = false;
  setTimeout(later, 20);
  for (let at = 0; at < 100_000 && !isStopped; at += 1) {
    for await (const { offset } of orders.read({ from: -1 })) expect(offset).toBeGreaterThan(0);
  }
  expect(isStopped).toBe(true);
});
