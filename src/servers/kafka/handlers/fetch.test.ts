import { afterEach, beforeEach, expect, test } from "vitest";
import { KafkaDoor } from "../../../../test/support/memory-broker.ts";
import { batchOf, RawClient, recordsOf, textOf } from "../../../../test/support/raw-client.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";

let door: KafkaDoor;
let client: RawClient;
let topicId: Uint8Array;

beforeEach(async () => {
  door = await KafkaDoor.open();
  client = await RawClient.open(door.port);
  await client.createTopic("orders", { partitions: 2 });
  topicId = door.broker.topics.find("orders")?.id ?? new Uint8Array(16);
});

afterEach(async () => {
  client.close();
  await door.close();
});

type Request = SentRequestOf<"Fetch">;

function partition(index: number, fetchOffset: number | bigint = 0) {
  return { partition: index, fetchOffset, partitionMaxBytes: 1_048_576 };
}

function fetch(version: number, parts: Partial<Request>) {
  return client.connection.request("Fetch", version, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [],
    forgottenTopicsData: [],
    ...parts,
  });
}

test("from version 13 on topics go by their ids, unknown ones are UNKNOWN_TOPIC_ID", async () => {
  await client.produce(["orders", 0], batchOf(["by id"]));
  const unknown = new Uint8Array(16).fill(7);
  const topics = [
    { topicId, partitions: [partition(0)] },
    { topicId: unknown, partitions: [partition(0)] },
  ];
  const { responses } = await fetch(18, { topics });
  expect(responses.map((topic) => topic.topicId)).toEqual([topicId, unknown]);
  const [known, none] = responses.map((topic) => topic.partitions[0]);
  expect(recordsOf(known?.records ?? null).map(({ value }) => textOf(value))).toEqual(["by id"]);
  expect(none).toMatchObject({ errorCode: 100, highWatermark: -1 });
});

test("a session answers what is new, and a deleted topic as an error", async () => {
  const topics = [{ topicId, partitions: [partition(0), partition(1)] }];
  const { sessionId, responses } = await fetch(17, { sessionEpoch: 0, topics });
  expect(sessionId).toBeGreaterThan(0);
  expect(responses[0]?.partitions).toHaveLength(2);
  await client.produce(["orders", 1], batchOf(["news"]));
  const second = await fetch(17, { sessionId, sessionEpoch: 1 });
  expect(second).toMatchObject({ sessionId, errorCode: 0 });
  expect(second.responses[0]?.partitions.map((one) => one.partitionIndex)).toEqual([1]);
  await client.deleteTopic("orders");
  const third = await fetch(17, { sessionId, sessionEpoch: 2 });
  const codes = third.responses.flatMap((topic) => topic.partitions.map((one) => one.errorCode));
  expect(codes).toEqual([100, 100]);
});

test("an unknown session and a wrong epoch are top-level errors", async () => {
  expect(await fetch(12, { sessionId: 99, sessionEpoch: 1 })).toMatchObject({
    errorCode: 70,
    sessionId: 0,
    responses: [],
  });
  const topics = [{ topic: "orders", partitions: [partition(0)] }];
  const { sessionId } = await fetch(12, { sessionEpoch: 0, topics });
  expect((await fetch(12, { sessionId, sessionEpoch: 5 })).errorCode).toBe(71);
});

test("an offset past 2^53 is OFFSET_OUT_OF_RANGE", async () => {
  const topics = [{ topic: "orders", partitions: [partition(0, 2n ** 62n)] }];
  const { responses } = await fetch(12, { topics });
  expect(responses[0]?.partitions[0]?.errorCode).toBe(1);
});

test("readers of committed records are told of no aborted ones, others of nothing", async () => {
  const topics = [{ topic: "orders", partitions: [partition(0)] }];
  for (const [isolationLevel, aborted] of [
    [0, null],
    [1, []],
  ] as const) {
    const { responses } = await fetch(12, { isolationLevel, topics });
    expect(responses[0]?.partitions[0]?.abortedTransactions).toEqual(aborted);
  }
});
