import { afterEach, beforeEach, expect, test } from "vitest";
import { KafkaDoor } from "../../../../test/support/memory-broker.ts";
import { batchOf, RawClient } from "../../../../test/support/raw-client.ts";

let door: KafkaDoor;
let client: RawClient;
let nowMs: number;

beforeEach(async () => {
  door = await KafkaDoor.open();
  client = await RawClient.open(door.port);
  await client.createTopic("times");
  nowMs = door.broker.clock.nowMs() - 60_000;
});

afterEach(async () => {
  client.close();
  await door.close();
});

/** Appends one batch with a record at each time, told from `nowMs`. */
async function append(...deltasMs: number[]): Promise<void> {
  const records = deltasMs.map((delta) => ({ timestampMs: nowMs + delta }));
  await client.produce(["times", 0], batchOf(records));
}

interface Question {
  readonly version?: number;
  readonly partitionIndex?: number;
  readonly name?: string;
  readonly currentLeaderEpoch?: number;
}

async function ask(timestamp: number | bigint, question: Question = {}) {
  const { version = 11, partitionIndex = 0, name = "times", currentLeaderEpoch } = question;
  const wanted = { partitionIndex, timestamp, currentLeaderEpoch };
  const { topics } = await client.connection.request("ListOffsets", version, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name, partitions: [wanted] }],
  });
  const answer = topics[0]?.partitions[0];
  return [answer?.errorCode, answer?.offset, answer?.timestamp, answer?.leaderEpoch];
}

const [none, unsupported, unknownTopic, invalidRequest] = [0, 35, 3, 42];

test("the start and the end of a log are told with the leader's epoch", async () => {
  await append(0, 10, 20);
  expect(await ask(-1)).toEqual([none, 3, -1, 0]);
  expect(await ask(-2)).toEqual([none, 0, -1, 0]);
  expect(await ask(-4)).toEqual([none, 0, -1, 0]);
});

test("an empty log starts and ends at 0, and has no largest timestamp", async () => {
  expect((await ask(-1)).slice(0, 3)).toEqual([none, 0, -1]);
  expect((await ask(-2)).slice(0, 3)).toEqual([none, 0, -1]);
  expect(await ask(-3)).toEqual([none, -1, -1, -1]);
});

test("the record with the largest timestamp is the first of equals", async () => {
  await append(0, 30, 10);
  await append(30, 20);
  expect(await ask(-3)).toEqual([none, 1, nowMs + 30, 0]);
});

test("a time finds the first record at or after it, or nothing", async () => {
  await append(0, 10);
  await append(20, 30);
  expect(await ask(nowMs + 10)).toEqual([none, 1, nowMs + 10, 0]);
  expect(await ask(nowMs + 11)).toEqual([none, 2, nowMs + 20, 0]);
  expect(await ask(0)).toEqual([none, 0, nowMs, 0]);
  expect(await ask(nowMs + 31)).toEqual([none, -1, -1, -1]);
  expect(await ask(2n ** 63n - 1n)).toEqual([none, -1, -1, -1]);
});

test("a log without tiers has no tiered offsets", async () => {
  expect(await ask(-5)).toEqual([none, -1, -1, -1]);
  expect(await ask(-6)).toEqual([none, -1, -1, -1]);
});

test.each([
  [-3, 7],
  [-4, 8],
  [-5, 9],
  [-6, 11],
])("special time %i is known from version %i on", async (timestamp, since) => {
  expect((await ask(timestamp, { version: since }))[0]).toBe(none);
  expect((await ask(timestamp, { version: since - 1 }))[0]).toBe(unsupported);
});

test("special times that nobody knows are UNSUPPORTED_VERSION", async () => {
  expect((await ask(-7))[0]).toBe(unsupported);
  expect((await ask(-(2n ** 63n)))[0]).toBe(unsupported);
});

test("unknown partitions and other leader epochs are refused", async () => {
  expect((await ask(-1, { partitionIndex: 5 }))[0]).toBe(unknownTopic);
  expect((await ask(-1, { name: "nothing" }))[0]).toBe(unknownTopic);
  expect((await ask(-1, { currentLeaderEpoch: 3 }))[0]).toBe(75);
  expect((await ask(-1, { currentLeaderEpoch: 0 }))[0]).toBe(none);
});

test("a partition that is asked for twice is INVALID_REQUEST", async () => {
  const twice = [
    { partitionIndex: 0, timestamp: -1 },
    { partitionIndex: 0, timestamp: -2 },
  ];
  const { topics } = await client.connection.request("ListOffsets", 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: "times", partitions: twice }],
  });
  expect(topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([
    invalidRequest,
    invalidRequest,
  ]);
});
