import { afterEach, beforeEach, expect, test } from "vitest";
import { KafkaDoor } from "../../../../test/support/memory-broker.ts";
import { batchOf, RawClient } from "../../../../test/support/raw-client.ts";
import { compression } from "../../../codecs/node-compression.ts";
import { crc32c } from "../../../codecs/native-crc32c.ts";
import { buildBatch } from "../../../protocol/build-batch.ts";

let door: KafkaDoor;
let client: RawClient;

beforeEach(async () => {
  door = await KafkaDoor.open();
  client = await RawClient.open(door.port);
  await client.createTopic("orders");
});

afterEach(async () => {
  client.close();
  await door.close();
});

async function produce(version: number, records: Uint8Array | null, name = "orders") {
  const topicId = door.broker.topics.find(name)?.id ?? new Uint8Array(16).fill(9);
  const { responses } = await client.connection.request("Produce", version, {
    acks: -1,
    timeoutMs: 1_000,
    topicData: [{ name, topicId, partitionData: [{ index: 0, records }] }],
  });
  return responses[0]?.partitionResponses[0];
}

const versions = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];

test.each(versions)("version %i appends and tells where", async (version) => {
  expect(await produce(version, batchOf(["value"]))).toMatchObject({
    errorCode: 0,
    baseOffset: 0,
    logAppendTimeMs: -1,
    logStartOffset: version >= 5 ? 0 : -1,
  });
});

test("zstd needs version 7", async () => {
  const record = { key: null, value: new Uint8Array(500), timestampMs: Date.now() };
  const make = () => buildBatch([record], { codec: "zstd" }, { crc32c, compression });
  expect(await produce(6, make())).toMatchObject({ errorCode: 76, baseOffset: -1 });
  expect(await produce(7, make())).toMatchObject({ errorCode: 0, baseOffset: 0 });
});

test("an unknown topic is told by name below version 13, by id from there on", async () => {
  expect((await produce(12, batchOf(["value"]), "nothing"))?.errorCode).toBe(3);
  expect((await produce(13, batchOf(["value"]), "nothing"))?.errorCode).toBe(100);
});

test("records without key in a compacted topic are named one by one", async () => {
  await client.createTopic("keys", { configs: { "cleanup.policy": "compact" } });
  const key = new Uint8Array([1]);
  const batch = batchOf([{ key }, { key: null }, { key }, { key: null }]);
  const answer = await produce(8, batch, "keys");
  expect(answer?.errorCode).toBe(87);
  expect(answer?.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 3]);
  expect(answer?.errorMessage).toBeTypeOf("string");
});

test("topics with LogAppendTime tell when they appended", async () => {
  const configs = { "message.timestamp.type": "LogAppendTime" };
  await client.createTopic("stamped", { configs });
  const before = door.broker.clock.nowMs();
  const answer = await produce(9, batchOf([{ timestampMs: 5 }]), "stamped");
  expect(Number(answer?.logAppendTimeMs)).toBeGreaterThanOrEqual(before);
});

test("a batch that is sent again is answered with its first offset", async () => {
  const sender = { ...(await client.initProducerId()), baseSequence: 0 };
  expect(await produce(9, batchOf(["once"], sender))).toMatchObject({ baseOffset: 0 });
  await produce(9, batchOf(["between"]));
  expect(await produce(9, batchOf(["once"], sender))).toMatchObject({ baseOffset: 0 });
  expect((await client.listOffset(["orders", 0], -1)).offset).toBe(2);
});
