import { afterEach, beforeEach, expect, test } from "vitest";
import { tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import { createBucket } from "../buckets/change-bucket.ts";
import { encodeUtf8 } from "../../base/text.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import {
  type AppendOutcome,
  appendRecords,
  type AppendRecords,
  type NewRecord,
} from "./append-records.ts";

let memory: MemoryBroker;

beforeEach(async () => {
  memory = await MemoryBroker.open();
});

afterEach(() => memory.close());

const record = (value: string, more: Partial<NewRecord> = {}): NewRecord => ({
  key: null,
  value: encodeUtf8(value),
  headers: [],
  ...more,
});

function append(
  records: readonly NewRecord[],
  more: Partial<AppendRecords> = {},
): Promise<AppendOutcome> {
  const plain = { topic: "orders", acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
  return appendRecords(memory.broker, tools, { ...plain, records, ...more });
}

const places = ({ records }: AppendOutcome): number[][] =>
  records.map(({ partition, offset }) => [partition, offset]);

test("each record is told its place, in the order in which it came", async () => {
  await memory.createTopic("orders", {}, 3);
  const key = encodeUtf8("a");
  const keyed = partitionOfKey(key, 3);
  const records = [record("0", { partition: 1 }), record("1", { key }), record("2", { key })];
  const first = await append([...records, record("3", { partition: 1, timestampMs: 7 })]);
  const expected = keyed === 1 ? [0, 1, 2, 3] : [0, 0, 1, 1];
  expect(places(first)).toEqual(expected.map((offset, at) => [at % 3 === 0 ? 1 : keyed, offset]));
  expect(first.error).toBeUndefined();
  expect(first.records.map(({ timestampMs }) => timestampMs)).toEqual([
    memory.clock.nowMs(),
    memory.clock.nowMs(),
    memory.clock.nowMs(),
    7,
  ]);
});

test("without keys the requests take turns, and the records of one stay together", async () => {
  await memory.createTopic("orders", {}, 2);
  const pair = [record("a"), record("b")];
  const all = [await append(pair), await append(pair), await append(pair)];
  expect(all.flatMap(places)).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [0, 2],
    [0, 3],
  ]);
});

test("the broker's time is told where the topic says so", async () => {
  await memory.createTopic("orders", { "message.timestamp.type": "LogAppendTime" });
  const outcome = await append([record("a", { timestampMs: 5 })]);
  expect(outcome.records[0]?.timestampMs).toBe(memory.clock.nowMs());
});

test("an unknown topic is made with its bucket's configs, unless the node forbids it", async () => {
  const { topics } = memory.broker;
  await createBucket(memory.broker, "shop", new Map([["retention.ms", "1000"]]));
  expect(places(await append([record("a")], { topic: "shop.orders" }))).toEqual([[0, 0]]);
  expect(topics.find("shop.orders")?.settings["retention.ms"]).toBe(1_000);
  await memory.close();
  memory = await MemoryBroker.open({ "auto.create.topics.enable": false });
  await expect(append([record("a")])).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
});

test("what one partition refuses, others take; the answer says which", async () => {
  await memory.createTopic("orders", { "max.message.bytes": "200" }, 2);
  const large = record("x".repeat(1_000), { partition: 0 });
  const outcome = await append([
    large,
    record("b", { partition: 1 }),
    record("c", { partition: 7 }),
  ]);
  expect(outcome.error?.code).toBe("MESSAGE_TOO_LARGE");
  const errors = outcome.records.map(({ error }) => error?.code);
  expect(errors).toEqual(["MESSAGE_TOO_LARGE", undefined, "UNKNOWN_TOPIC_OR_PARTITION"]);
  expect(places(outcome)).toEqual([
    [0, -1],
    [1, 0],
    [7, -1],
  ]);
});

test.each([
  ["no records", [], {}, "INVALID_REQUEST"],
  ["more replicas than there are", [record("a")], { minReplicas: 2 }, "NOT_ENOUGH_REPLICAS"],
  ["a name that can not be", [record("a")], { topic: "a/b" }, "INVALID_TOPIC_EXCEPTION"],
] as const)("%s: nothing is appended", async (_, records, more, code) => {
  await expect(append(records, more)).rejects.toMatchObject({ code });
  expect(memory.broker.topics.list()).toEqual([]);
});

test("internal topics are not to be written to", async () => {
  await memory.broker.topics.ensureInternal("__consumer_offsets");
  const outcome = await append([record("a")], { topic: "__consumer_offsets" });
  expect(outcome.error?.code).toBe("INVALID_TOPIC_EXCEPTION");
});

test("at an expected offset a record is taken only there", async () => {
  await memory.createTopic("orders", {}, 3);
  const key = encodeUtf8("a");
  const both = [record("1", { key }), record("2", { key })];
  expect((await append(both, { expectedOffset: 0 })).error).toBeUndefined();
  const late = await append(both, { expectedOffset: 0 });
  expect(late.error).toMatchObject({
    code: "OFFSET_MISMATCH",
    message: expect.stringContaining("is 2, expected was 0") as string,
  });
  expect((await append(both, { expectedOffset: 2 })).records[0]?.offset).toBe(2);
});

test("an expected offset needs a partition that is chosen, and only one", async () => {
  await memory.createTopic("orders", {}, 3);
  const error = { code: "INVALID_REQUEST" };
  await expect(append([record("a")], { expectedOffset: 0 })).rejects.toMatchObject(error);
  const spread = [record("a", { partition: 0 }), record("b", { partition: 1 })];
  await expect(append(spread, { expectedOffset: 0 })).rejects.toMatchObject(error);
  await memory.createTopic("single");
  const alone = await append([record("a")], { topic: "single", expectedOffset: 0 });
  expect(alone.error).toBeUndefined();
});

test.each([
  ["fsync", undefined, true],
  ["fsync", "os", false],
  ["os", undefined, false],
  ["os", "fsync", true],
] as const)(
  "on a topic of %s, asked for %s, durable is %s",
  async (topic, durability, isDurable) => {
    await memory.close();
    const disk = new SimulatedDisk();
    memory = await MemoryBroker.open({}, disk);
    await memory.createTopic("orders", { durability: topic });
    // Flushes take a turn longer than writes.
    disk.fault = async (operation) => {
      if (operation === "sync") await new Promise((resolve) => setImmediate(resolve));
    };
    expect(await append([record("a")], { durability })).toMatchObject({ isDurable });
  },
);

test("nothing is durable in memory, nor where nobody waited for it", async () => {
  expect(await append([record("a")], { durability: "fsync" })).toMatchObject({ isDurable: false });
  await memory.close();
  memory = await MemoryBroker.open({}, new SimulatedDisk());
  const outcome = await append([record("a")], { acks: 0 });
  expect(outcome).toMatchObject({ isDurable: false, records: [{ offset: 0 }] });
});
