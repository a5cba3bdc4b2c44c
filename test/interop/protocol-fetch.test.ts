import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { batchesOf, batchOf, RawClient, recordsOf, textOf } from "../support/raw-client.ts";

let broker: BrokerProcess;
let client: RawClient;
let writer: RawClient;

beforeAll(async () => {
  broker = await startBroker();
  client = await RawClient.open(broker.port);
  writer = await RawClient.open(broker.port);
});

afterAll(async () => {
  client.close();
  writer.close();
  await broker.stop();
});

/** A topic with `values`, one batch each. */
async function topicWith(topic: string, batches: readonly string[][]): Promise<void> {
  await client.createTopic(topic);
  for (const values of batches) await client.produce([topic, 0], batchOf(values));
}

test("reading from offset 4 of 10 begins with record 4", async () => {
  await topicWith(
    "f-from",
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].map((v) => [v]),
  );
  const { records, highWatermark } = await client.fetch(["f-from", 0], 4);
  expect(recordsOf(records).map((record) => textOf(record.value))).toEqual([
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
  ]);
  expect(highWatermark).toBe(10);
});

test("an offset in the middle of a batch gets that whole batch", async () => {
  await topicWith("f-middle", [["0", "1", "2", "3", "4"], ["5"]]);
  const { records, errorCode } = await client.fetch(["f-middle", 0], 3);
  expect(errorCode).toBe(0);
  expect(batchesOf(records)[0]?.baseOffset).toBe(0);
  expect(recordsOf(records)).toHaveLength(6);
});

test("the first batch comes whole, however small the limit", async () => {
  await topicWith("f-small", [["x".repeat(5_000)], ["y"]]);
  const { records } = await client.fetch(["f-small", 0], 0, { sizeBytesMax: 10 });
  expect(recordsOf(records).map((record) => record.value?.length)).toEqual([5_000]);
});

test("a limit in bytes ends the answer after it, and the next fetch goes on", async () => {
  const values = Array.from({ length: 20 }, (_, index) => [`${index}`.padEnd(1_000, ".")]);
  await topicWith("f-limit", values);
  const { records } = await client.fetch(["f-limit", 0], 0, { sizeBytesMax: 5_500 });
  expect(records?.length).toBeLessThanOrEqual(5_500);
  expect(recordsOf(records)).toHaveLength(5);
  expect(await client.readAll(["f-limit", 0])).toHaveLength(20);
});

test("two topics are read in one request", async () => {
  await topicWith("f-both-a", [["a"]]);
  await topicWith("f-both-b", [["b"], ["c"]]);
  const partitionOf = (fetchOffset: number) => [
    { partition: 0, fetchOffset, partitionMaxBytes: 1_000 },
  ];
  const answer = await client.connection.request("Fetch", 12, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [
      { topic: "f-both-a", partitions: partitionOf(0) },
      { topic: "f-both-b", partitions: partitionOf(1) },
    ],
    forgottenTopicsData: [],
  });
  const values = answer.responses.map((topic) =>
    recordsOf(topic.partitions[0]?.records ?? null).map((record) => textOf(record.value)),
  );
  expect(values).toEqual([["a"], ["c"]]);
});

test("at the end a fetch is empty at once, or after its longest wait", async () => {
  await topicWith("f-end", [["x"]]);
  const atOnce = await client.fetch(["f-end", 0], 1);
  expect(atOnce).toMatchObject({ errorCode: 0, highWatermark: 1 });
  expect(recordsOf(atOnce.records)).toEqual([]);
  const startedMs = performance.now();
  const waited = await client.fetch(["f-end", 0], 1, { waitMs: 300 });
  expect(recordsOf(waited.records)).toEqual([]);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(290);
});

test("a waiting fetch is answered as soon as a record is written", async () => {
  await topicWith("f-wake", [["x"]]);
  const startedMs = performance.now();
  const waiting = client.fetch(["f-wake", 0], 1, { waitMs: 20_000 });
  setTimeout(() => void writer.produce(["f-wake", 0], batchOf(["woken"])), 300);
  const { records } = await waiting;
  expect(recordsOf(records).map((record) => textOf(record.value))).toEqual(["woken"]);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

test("a waiting fetch holds out for its least number of bytes", async () => {
  await topicWith("f-min", [["x"]]);
  const waiting = client.fetch(["f-min", 0], 1, { waitMs: 20_000, sizeBytesMin: 2_000 });
  for (let index = 0; index < 5; index += 1) {
    await writer.produce(["f-min", 0], batchOf(["y".repeat(500)]));
  }
  const { records } = await waiting;
  expect(records?.length).toBeGreaterThanOrEqual(2_000);
});

test("offsets outside the log are refused by name", async () => {
  await topicWith("f-range", [["x"], ["y"]]);
  const code = kafkaCode("OFFSET_OUT_OF_RANGE");
  expect((await client.fetch(["f-range", 0], 3)).errorCode).toBe(code);
  const deletion = [{ name: "f-range", partitions: [{ partitionIndex: 0, offset: 1 }] }];
  const deleted = await client.connection.request("DeleteRecords", 2, {
    topics: deletion,
    timeoutMs: 10_000,
  });
  expect(deleted.topics[0]?.partitions[0]).toMatchObject({ lowWatermark: 1, errorCode: 0 });
  expect((await client.fetch(["f-range", 0], 0)).errorCode).toBe(code);
  expect((await client.fetch(["f-range", 0], 1)).logStartOffset).toBe(1);
});

test("an unknown topic is named as such and is not created by a read", async () => {
  const code = kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
  expect((await client.fetch(["f-unknown", 0], 0)).errorCode).toBe(code);
  expect((await client.describeTopic("f-unknown")).errorCode).toBe(code);
});

test("an error of one partition does not touch the others of the request", async () => {
  await topicWith("f-mixed", [["x"]]);
  const partition = { partitionMaxBytes: 1_000, fetchOffset: 0 };
  const answer = await client.connection.request("Fetch", 12, {
    maxWaitMs: 500,
    minBytes: 100_000,
    topics: [
      { topic: "f-absent", partitions: [{ ...partition, partition: 0 }] },
      { topic: "f-mixed", partitions: [{ ...partition, partition: 0 }] },
    ],
    forgottenTopicsData: [],
  });
  const partitionOf = (name: string) =>
    answer.responses.find((each) => each.topic === name)?.partitions[0];
  expect(partitionOf("f-absent")?.errorCode).toBe(kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"));
  expect(partitionOf("f-mixed")?.errorCode).toBe(0);
});

test("fetching by topic id works, and an unknown id is named as such", async () => {
  await topicWith("f-id", [["x"]]);
  const { topicId } = await client.describeTopic("f-id");
  const fetchById = async (id: Uint8Array) => {
    const wanted = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 };
    const topics = [{ topicId: id, partitions: [wanted] }];
    const limits = { maxWaitMs: 0, minBytes: 1, forgottenTopicsData: [] };
    const answer = await client.connection.request("Fetch", 17, { ...limits, topics });
    return answer.responses[0]?.partitions[0];
  };
  expect(recordsOf((await fetchById(topicId))?.records ?? null)).toHaveLength(1);
  const unknown = new Uint8Array(16).fill(7);
  expect((await fetchById(unknown))?.errorCode).toBe(kafkaCode("UNKNOWN_TOPIC_ID"));
});

test("the special timestamps and times between records find their offsets", async () => {
  await client.createTopic("f-times");
  const base = Date.now() - 60_000;
  for (const delta of [0, 30, 10, 20]) {
    const record = { value: new Uint8Array(1), timestampMs: base + delta };
    await client.produce(["f-times", 0], batchOf([record]));
  }
  const find = async (timestamp: number) => {
    const {
      offset,
      timestamp: found,
      errorCode,
    } = await client.listOffset(["f-times", 0], timestamp);
    return [errorCode, offset, found];
  };
  expect(await find(-1)).toEqual([0, 4, -1]);
  expect(await find(-2)).toEqual([0, 0, -1]);
  expect(await find(-3)).toEqual([0, 1, base + 30]);
  expect(await find(-4)).toEqual([0, 0, -1]);
  expect(await find(base)).toEqual([0, 0, base]);
  expect(await find(base + 1)).toEqual([0, 1, base + 30]);
  expect(await find(base + 31)).toEqual([0, -1, -1]);
});

test("an empty partition has no largest timestamp and ends where it begins", async () => {
  await client.createTopic("f-empty");
  expect(await client.listOffset(["f-empty", 0], -3)).toMatchObject({ offset: -1, timestamp: -1 });
  expect(await client.listOffset(["f-empty", 0], -1)).toMatchObject({ offset: 0 });
  expect(await client.fetch(["f-empty", 0], 0)).toMatchObject({ highWatermark: 0, errorCode: 0 });
});
