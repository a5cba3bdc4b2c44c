import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import { batchBits } from "../../src/protocol/record-batch.ts";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { batchesOf, batchOf, RawClient, recordsOf, textOf } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";

let broker: BrokerProcess;
let client: RawClient;

beforeAll(async () => {
  broker = await startBroker();
  client = await RawClient.open(broker.port);
});

afterAll(async () => {
  client.close();
  await broker.stop();
});

test("three writes are answered with consecutive offsets", async () => {
  await client.createTopic("p-consecutive");
  const offsets = [];
  for (const value of ["a", "b", "c"]) {
    offsets.push((await client.produce(["p-consecutive", 0], batchOf([value]))).baseOffset);
  }
  expect(offsets).toEqual([0, 1, 2]);
});

test("100 records in one request take 100 offsets and are all readable", async () => {
  await client.createTopic("p-batch");
  const values = Array.from({ length: 100 }, (_, index) => `value ${index}`);
  const answer = await client.produce(["p-batch", 0], batchOf(values));
  expect(answer).toMatchObject({ errorCode: 0, baseOffset: 0, logStartOffset: 0 });
  const records = await client.readAll(["p-batch", 0]);
  expect(records.map((record) => textOf(record.value))).toEqual(values);
  expect(records.map((record) => record.offset)).toEqual(values.map((_, index) => index));
});

test("interleaved writes to two topics count 0, 1, 2 in each", async () => {
  await client.createTopic("p-one");
  await client.createTopic("p-two");
  const offsets = [];
  for (let round = 0; round < 3; round += 1) {
    for (const topic of ["p-one", "p-two"]) {
      offsets.push((await client.produce([topic, 0], batchOf(["x"]))).baseOffset);
    }
  }
  expect(offsets).toEqual([0, 0, 1, 1, 2, 2]);
});

test("with LogAppendTime the answer and the records carry the broker's time", async () => {
  await client.createTopic("p-time", {
    configs: { "message.timestamp.type": "LogAppendTime" },
  });
  const sentMs = Date.now();
  const answer = await client.produce(["p-time", 0], batchOf(["x"]));
  expect(Number(answer.logAppendTimeMs)).toBeGreaterThanOrEqual(sentMs - 50);
  expect(Number(answer.logAppendTimeMs)).toBeLessThanOrEqual(Date.now() + 50);
  const [record] = await client.readAll(["p-time", 0]);
  expect(record?.timestampMs).toBe(Number(answer.logAppendTimeMs));
});

test("key, headers and ascending client timestamps come back identical", async () => {
  await client.createTopic("p-fields");
  const base = Date.now() - 10_000;
  const records = [0, 1, 2].map((index) => ({
    key: bytes(`key-${index}`),
    value: bytes(`value-${index}`),
    timestampMs: base + index,
    headers: [
      { key: "first", value: bytes(`h${index}`) },
      { key: "second", value: null },
    ],
  }));
  await client.produce(["p-fields", 0], batchOf(records));
  const read = await client.readAll(["p-fields", 0]);
  expect(read).toEqual(records.map((record, offset) => ({ ...record, offset })));
});

test("every byte value is kept", async () => {
  await client.createTopic("p-bytes");
  const value = Uint8Array.from({ length: 256 }, (_, index) => index);
  await client.produce(["p-bytes", 0], batchOf([{ value }, { value: bytes("a\n|#|\0b") }]));
  const read = await client.readAll(["p-bytes", 0]);
  expect(read[0]?.value).toEqual(value);
  expect(textOf(read[1]?.value ?? null)).toBe("a\n|#|\0b");
});

test("a batch of the topic's size limit is taken, one byte more is refused", async () => {
  const limit = 10_000;
  await client.createTopic("p-limit", { configs: { "max.message.bytes": String(limit) } });
  const overhead = batchOf([{ value: new Uint8Array(9_900) }]).length - 9_900;
  const sized = (size: number): Uint8Array => batchOf([{ value: new Uint8Array(size - overhead) }]);
  expect(sized(limit).length).toBe(limit);
  const offsets = [];
  for (const size of [limit - 1, limit]) {
    offsets.push((await client.produce(["p-limit", 0], sized(size))).baseOffset);
  }
  expect(offsets).toEqual([0, 1]);
  const refused = await client.produce(["p-limit", 0], sized(limit + 1));
  expect(refused.errorCode).toBe(kafkaCode("MESSAGE_TOO_LARGE"));
  expect((await client.listOffset(["p-limit", 0], -1)).offset).toBe(2);
});

test("a batch with a flipped byte is refused and nothing is stored", async () => {
  await client.createTopic("p-flipped");
  const batch = batchOf(["flipped"]);
  batch[batch.length - 3] = (batch.at(-3) ?? 0) ^ 1;
  const refused = await client.produce(["p-flipped", 0], batch);
  expect(refused.errorCode).toBe(kafkaCode("CORRUPT_MESSAGE"));
  expect((await client.listOffset(["p-flipped", 0], -1)).offset).toBe(0);
});

test("a batch whose record count is wrong is refused", async () => {
  await client.createTopic("p-count");
  const refused = await client.produce(["p-count", 0], batchOf(["a", "b"], { lastOffsetDelta: 5 }));
  expect(refused.errorCode).toBe(kafkaCode("INVALID_RECORD"));
  expect((await client.listOffset(["p-count", 0], -1)).offset).toBe(0);
});

test("a compacted topic refuses a record without a key, naming it", async () => {
  await client.createTopic("p-keyless", { configs: { "cleanup.policy": "compact" } });
  const refused = await client.produce(["p-keyless", 0], batchOf(["no key"]));
  expect(refused.errorCode).toBe(kafkaCode("INVALID_RECORD"));
  expect(refused.recordErrors.map((each) => each.batchIndex)).toEqual([0]);
});

test("only the broker may send control records", async () => {
  await client.createTopic("p-control");
  const refused = await client.produce(["p-control", 0], batchOf(["x"], { isControl: true }));
  expect(refused.errorCode).toBe(kafkaCode("INVALID_RECORD"));
});

test("an unknown topic or partition is named as such", async () => {
  await client.createTopic("p-known");
  const code = kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
  expect((await client.produce(["p-unknown", 0], batchOf(["x"]))).errorCode).toBe(code);
  expect((await client.produce(["p-known", 7], batchOf(["x"]))).errorCode).toBe(code);
});

test("acks 0 gets no answer and stores, acks 1 and all get one, any other is refused", async () => {
  await client.createTopic("p-acks");
  client.produceUnacknowledged(["p-acks", 0], batchOf(["zero"]));
  // Answers keep the order of requests: this one is the first to come.
  expect(await client.produce(["p-acks", 0], batchOf(["one"]), 1)).toMatchObject({
    errorCode: 0,
    baseOffset: 1,
  });
  expect((await client.produce(["p-acks", 0], batchOf(["all"]), -1)).baseOffset).toBe(2);
  const refused = await client.produce(["p-acks", 0], batchOf(["bad"]), 2);
  expect(refused.errorCode).toBe(kafkaCode("INVALID_REQUIRED_ACKS"));
  const values = (await client.readAll(["p-acks", 0])).map((record) => textOf(record.value));
  expect(values).toEqual(["zero", "one", "all"]);
});

test("acks 0 with an error closes the connection, the only way to tell", async () => {
  const other = await RawClient.open(broker.port);
  await client.createTopic("p-unacked", { configs: { "max.message.bytes": "100" } });
  other.produceUnacknowledged(["p-unacked", 0], batchOf(["x".repeat(200)]));
  await waitUntil("the connection is closed", () => other.connection.isClosed);
});

test("a batch sent again is stored once and answered with its first offset", async () => {
  await client.createTopic("p-duplicate");
  const producer = await client.initProducerId();
  const batch = batchOf(["a", "b"], { ...producer, baseSequence: 0 });
  const first = await client.produce(["p-duplicate", 0], batch.slice());
  const again = await client.produce(["p-duplicate", 0], batch.slice());
  expect(first).toMatchObject({ errorCode: 0, baseOffset: 0 });
  expect(again).toMatchObject({ errorCode: 0, baseOffset: 0 });
  expect((await client.listOffset(["p-duplicate", 0], -1)).offset).toBe(2);
});

test("a gap in a producer's sequence is refused", async () => {
  await client.createTopic("p-gap");
  const producer = await client.initProducerId();
  await client.produce(["p-gap", 0], batchOf(["a"], { ...producer, baseSequence: 0 }));
  const gap = batchOf(["c"], { ...producer, baseSequence: 2 });
  const refused = await client.produce(["p-gap", 0], gap);
  expect(refused.errorCode).toBe(kafkaCode("OUT_OF_ORDER_SEQUENCE_NUMBER"));
});

test("a batch is fetched byte for byte as it was sent, but for offset and epoch", async () => {
  await client.createTopic("p-identical");
  await client.produce(["p-identical", 0], batchOf(["before"]));
  const sent = batchOf(["a", "b", "c"], { ...(await client.initProducerId()), baseSequence: 0 });
  await client.produce(["p-identical", 0], sent.slice());
  const { records } = await client.fetch(["p-identical", 0], 1);
  const [batch] = batchesOf(records);
  expect(batch?.baseOffset).toBe(1);
  const assignedBytes = 16;
  expect(batch?.bytes.slice(assignedBytes)).toEqual(sent.slice(assignedBytes));
  expect(batch?.bytes.slice(8, 12)).toEqual(sent.slice(8, 12));
  expect((batch?.attributes ?? -1) & batchBits.logAppendTime).toBe(0);
  expect(recordsOf(records)).toHaveLength(3);
});

test("twenty requests sent at once are answered in order", async () => {
  await client.createTopic("p-pipelined");
  const sent = Array.from({ length: 20 }, (_, index) => batchOf([`value ${index}`]));
  const answers = await Promise.all(sent.map((batch) => client.produce(["p-pipelined", 0], batch)));
  expect(answers.map((each) => each.baseOffset)).toEqual(sent.map((_, index) => index));
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
