import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, garbageBatch, tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../test/support/transactional-producer.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { appendRecords } from "../records/append-records.ts";
import { parseRecordFilter } from "../records/record-filter.ts";
import { type FollowedRecords, Following, type FollowOptions } from "./following.ts";
import { FollowHub } from "./follow-hub.ts";

const limits = { records: 1_000, bytes: 65_536 };
let memory: MemoryBroker;
let opened: Following[];

beforeEach(async () => {
  memory = await MemoryBroker.open();
  opened = [];
});

afterEach(async () => {
  for (const following of opened) following.close();
  await memory.close();
});

function follow(options: Partial<FollowOptions> = {}): Following {
  const scope = { broker: memory.broker, tools };
  const following = new Following(scope, { sizeBytesMax: 1_000_000, ...options });
  opened.push(following);
  return following;
}

async function append(values: readonly string[], partition = 0, topic = "orders"): Promise<void> {
  const records = values.map((value) => ({
    key: encodeUtf8("k"),
    value: encodeUtf8(value),
    headers: [],
    partition,
  }));
  const ask = { topic, records, acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
  const { error } = await appendRecords(memory.broker, tools, ask);
  if (error !== undefined) throw error;
}

const valuesOf = (followed: FollowedRecords | undefined): string[] =>
  (followed?.records ?? []).map(({ value }) => decodeUtf8(value ?? new Uint8Array()));

async function take(following: Following, count: number): Promise<string[]> {
  const values: string[] = [];
  while (values.length < count) values.push(...valuesOf(await following.next(limits)));
  return values;
}

/** Lets go on what goes on without time. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is stored comes first, then what is appended, as it is committed", async () => {
  await memory.createTopic("orders");
  await append(["a", "b"]);
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 1 });
  expect(valuesOf(await following.next(limits))).toEqual(["b"]);
  const next = following.next(limits);
  await append(["c"]);
  expect(valuesOf(await next)).toEqual(["c"]);
});

test("who waits holds no timer and asks nothing", async () => {
  await memory.createTopic("orders");
  const before = memory.clock.scheduledCount;
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  const next = following.next(limits);
  await settle();
  expect(memory.clock.scheduledCount).toBe(before);
  following.close();
  expect(await next).toBeUndefined();
});

test("readers at one place share the records, and what a door makes of them", async () => {
  await memory.createTopic("orders");
  const [one, other] = [follow(), follow()];
  for (const following of [one, other]) {
    following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  }
  const both = Promise.all([one.next(limits), other.next(limits)]);
  await append(["a"]);
  const [left, right] = await both;
  expect(left?.records).toBe(right?.records);
  const first = left?.slice.form("text", () => encodeUtf8("made once"));
  expect(right?.slice.form("text", () => encodeUtf8("made again"))).toBe(first);
});

test("partitions take turns", async () => {
  await memory.createTopic("orders", {}, 2);
  await append(["a0", "a1"], 0);
  await append(["b0", "b1"], 1);
  const following = follow();
  following.subscribeTopic("orders", new Map());
  const order: string[] = [];
  for (let turn = 0; turn < 4; turn++) {
    order.push(...valuesOf(await following.next({ ...limits, records: 1 })));
  }
  expect(order).toEqual(["a0", "b0", "a1", "b1"]);
});

test("limits of records and bytes are kept, but one record comes whole", async () => {
  await memory.createTopic("orders");
  await append(["aa", "bb", "cc", "x".repeat(100)]);
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  const next = async (records: number, bytes: number): Promise<number> =>
    (await following.next({ records, bytes }))?.records.length ?? -1;
  expect([await next(1, 1_000), await next(10, 6), await next(10, 6)]).toEqual([1, 2, 1]);
});

test("a partition that is added later is followed from its beginning", async () => {
  await memory.createTopic("orders");
  const following = follow();
  following.subscribeTopic("orders", new Map());
  const next = following.next(limits);
  await memory.broker.topics.addPartitions("orders", 3);
  await append(["late"], 2);
  expect(valuesOf(await next)).toEqual(["late"]);
  expect(following.partitionCount).toBe(3);
});

test("a reader of a deleted topic is told so; one made anew is another topic", async () => {
  await memory.createTopic("orders");
  const following = follow();
  following.subscribeTopic("orders", new Map());
  const next = following.next(limits);
  await memory.broker.topics.delete("orders");
  const followed = await next;
  expect(followed?.ended).toMatchObject([
    { topic: "orders", error: { code: "UNKNOWN_TOPIC_OR_PARTITION" } },
  ]);
  await memory.createTopic("orders");
  await append(["new"]);
  expect([following.partitionCount, following.isBehind]).toEqual([0, false]);
});

test("who is behind the log's start is told where he goes on", async () => {
  const topic = await memory.createTopic("orders");
  await append(["a", "b", "c"]);
  await topic.partitions[0]?.deleteRecordsBefore(2);
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 1 });
  const told = await following.next(limits);
  expect(told?.moved).toEqual([{ topic: "orders", partition: 0, from: 1, to: 2 }]);
  expect(await take(following, 1)).toEqual(["c"]);
});

test("who is past the log's end, which a crash may have cut, is told that too", async () => {
  await memory.createTopic("orders");
  await append(["a"]);
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 9 });
  const told = await following.next(limits);
  expect(told?.moved).toEqual([{ topic: "orders", partition: 0, from: 9, to: 1 }]);
});

test("what lies before a batch that does not open comes first, then its error", async () => {
  const topic = await memory.createTopic("orders", {}, 2);
  const log = topic.partitions[0] as PartitionLog;
  await log.load();
  log.append(batchOf(["a", "b"]), { origin: "client" });
  log.append(garbageBatch(2), { origin: "client" });
  await allCommitted(log);
  const following = follow();
  following.subscribeTopic("orders", new Map());
  expect(valuesOf(await following.next(limits))).toEqual(["a", "b"]);
  const ended = (await following.next(limits))?.ended;
  expect(ended).toMatchObject([{ partition: 0, error: { code: "CORRUPT_MESSAGE" } }]);
  await append(["c"], 1);
  expect(valuesOf(await following.next(limits))).toEqual(["c"]);
});

test("nothing comes after unsubscribe, and what is followed anew has no gap", async () => {
  await memory.createTopic("orders", {}, 2);
  const following = follow();
  following.subscribeTopic("orders", new Map());
  await append(["a"], 0);
  expect(await take(following, 1)).toEqual(["a"]);
  following.unsubscribe("orders", 0);
  await append(["b"], 0);
  await append(["c"], 1);
  expect(await take(following, 1)).toEqual(["c"]);
  following.subscribe({ topic: "orders", partition: 0, offset: 1 });
  expect(await take(following, 1)).toEqual(["b"]);
  expect(() => following.unsubscribe("carts")).toThrow("carts is not followed");
  expect(() => following.subscribeTopic("orders", new Map())).toThrow("followed already");
});

test("aborted and open transactions are not read; the position passes the former", async () => {
  const topic = await memory.createTopic("orders");
  const log = topic.partitions[0] as PartitionLog;
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
  one.send(log, ["aborted"]);
  one.end(log, "abort");
  other.send(log, ["committed"]);
  await allCommitted(log);
  const next = following.next(limits);
  await settle();
  other.end(log, "commit");
  await allCommitted(log);
  expect(valuesOf(await next)).toEqual(["committed"]);
});

test("a filter leaves out what does not match, and answers after so much in vain", async () => {
  await memory.createTopic("orders");
  await append(["x", "x", "x"]);
  const filter = parseRecordFilter([["key", "other"]]);
  const following = follow({ filter, sizeBytesMax: 1 });
  following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  expect(valuesOf(await following.next(limits))).toEqual([]);
  expect(following.cursor()[0]?.partitions).toEqual([{ index: 0, offset: 3 }]);
});

test("a filter is answered with what it finds, however few records are asked for", async () => {
  await memory.createTopic("orders");
  const scope = { broker: memory.broker, tools };
  const wanted = { key: encodeUtf8("other"), value: encodeUtf8("w"), headers: [], partition: 0 };
  const others = Array.from({ length: 400 }, (_, at) => ({ ...wanted, key: encodeUtf8(`${at}`) }));
  const ask = { topic: "orders", acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
  for (let count = 0; count < 5; count++) {
    await appendRecords(scope.broker, tools, { ...ask, records: [...others, wanted, wanted] });
  }
  const filter = parseRecordFilter([["key", "other"]]);
  const following = follow({ filter, sizeBytesMax: 200_000 });
  following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  const offsets: number[] = [];
  for (let count = 0; count < 10; count++) {
    const { records } = (await following.next({ records: 1, bytes: 65_536 })) ?? { records: [] };
    offsets.push(...records.map(({ offset }) => offset));
  }
  expect(offsets).toEqual([400, 401, 802, 803, 1_204, 1_205, 1_606, 1_607, 2_008, 2_009]);
  expect(following.cursor()[0]?.partitions).toEqual([{ index: 0, offset: 2_010 }]);
});

test("what is shared stays within its bound and goes with the last reader", async () => {
  await memory.close();
  memory = await MemoryBroker.open({ "live.shared.max.bytes": 65_536 });
  await memory.createTopic("orders");
  const large = "x".repeat(20_000);
  for (let batch = 0; batch < 10; batch++) await append([large]);
  const following = follow();
  following.subscribe({ topic: "orders", partition: 0, offset: 0 });
  await take(following, 10);
  const { runs } = FollowHub.of({ broker: memory.broker, tools });
  expect(runs.sizeBytes).toBeGreaterThan(0);
  expect(runs.sizeBytes).toBeLessThanOrEqual(65_536);
  following.close();
  expect(runs.sizeBytes).toBe(0);
});

test("many readers are told at a pace, and none is left out", async () => {
  await memory.createTopic("orders");
  const readers = Array.from({ length: 600 }, () => {
    const following = follow();
    following.subscribe({ topic: "orders", partition: 0, offset: 0 });
    return { following, values: take(following, 2) };
  });
  await append(["a"]);
  await memory.clock.advance(50);
  await append(["b"]);
  await memory.clock.advance(150);
  for (const { values } of readers) expect(await values).toEqual(["a", "b"]);
});
