import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryBroker } from "../../test/support/memory-broker.ts";
import { batchOf } from "../../test/support/raw-client.ts";
import type { XylemError } from "../base/errors.ts";
import { produce, ProducedBatch, type ProduceRequest, whenWritable } from "./produce.ts";
import type { Topic } from "./topics/topics.ts";

let memory: MemoryBroker;
let topic: Topic;

beforeEach(async () => {
  memory = await MemoryBroker.open();
  topic = await memory.createTopic("orders");
});

afterEach(() => memory.close());

async function produceOne(
  bytes: Uint8Array | null,
  options: Partial<ProduceRequest> & { topic?: Topic | undefined; index?: number } = {},
): Promise<ProducedBatch> {
  const target = "topic" in options ? options.topic : topic;
  const batch = new ProducedBatch(target, options.index ?? 0, bytes);
  await produce(memory.broker, {
    acks: -1,
    timeoutMs: 30_000,
    clientId: "test",
    transactionalId: null,
    ...options,
    batches: [batch],
  });
  return batch;
}

function batch(text = "hello", options: Parameters<typeof batchOf>[1] = {}): Uint8Array {
  return batchOf([{ value: new TextEncoder().encode(text), timestampMs: memory.clock.nowMs() }], {
    ...options,
  });
}

function codeOf({ error }: { error: XylemError | undefined }): string | undefined {
  return error?.code;
}

test("acks=all is answered once the batch is committed, with its offsets", async () => {
  const first = await produceOne(batch());
  const second = await produceOne(batch());
  expect(first.error).toBeUndefined();
  expect(first.appended).toMatchObject({ baseOffset: 0, lastOffset: 0, isDuplicate: false });
  expect(second.appended).toMatchObject({ baseOffset: 1 });
  expect(topic.partitions[0]?.committed).toBe(2);
  expect(second.logStart).toBe(0);
});

test("acks=1 is answered once this node holds the batch", async () => {
  expect((await produceOne(batch(), { acks: 1 })).appended?.baseOffset).toBe(0);
});

test("acks=0 is not waited for, and its batch arrives", async () => {
  const given = new ProducedBatch(topic, 0, batch());
  const request = { acks: 0, timeoutMs: 0, clientId: "", transactionalId: null, batches: [given] };
  expect(produce(memory.broker, request)).toBeUndefined();
  await new Promise<void>((resolve) => topic.partitions[0]?.whenCommitted(1, () => resolve()));
});

test("other acks are refused, and nothing is appended", async () => {
  expect(codeOf(await produceOne(batch(), { acks: 2 }))).toBe("INVALID_REQUIRED_ACKS");
  expect(codeOf(await produceOne(batch(), { acks: -2 }))).toBe("INVALID_REQUIRED_ACKS");
  expect(topic.partitions[0]?.end).toBe(0);
});

test("an unknown topic or partition is refused before anything else is looked at", async () => {
  const unknown = "UNKNOWN_TOPIC_OR_PARTITION";
  expect(codeOf(await produceOne(null, { topic: undefined, acks: 7 }))).toBe(unknown);
  expect(codeOf(await produceOne(null, { index: 1 }))).toBe(unknown);
  expect(codeOf(await produceOne(null, { index: -1 }))).toBe(unknown);
});

test("nothing, less than one batch and more than one batch are INVALID_RECORD", async () => {
  const one = batch();
  const two = new Uint8Array([...one, ...batch()]);
  for (const bytes of [null, new Uint8Array(0), one.slice(0, 16), one.slice(0, -1), two]) {
    expect(codeOf(await produceOne(bytes))).toBe("INVALID_RECORD");
  }
});

test("record formats before 2 are INVALID_RECORD", async () => {
  const old = batch();
  old[16] = 1;
  expect(codeOf(await produceOne(old))).toBe("INVALID_RECORD");
});

test("a size that no batch can have is CORRUPT_MESSAGE", async () => {
  const broken = batch();
  broken.set([0xff, 0xff, 0xff, 0xff], 8);
  expect(codeOf(await produceOne(broken))).toBe("CORRUPT_MESSAGE");
});

test("internal topics are written by admin tools only", async () => {
  const internal = await memory.broker.topics.ensureInternal("__consumer_offsets");
  const refused = await produceOne(batch(), { topic: internal });
  expect(codeOf(refused)).toBe("INVALID_TOPIC_EXCEPTION");
  const keyed = batchOf([{ key: new Uint8Array([1]), timestampMs: memory.clock.nowMs() }]);
  const allowed = await produceOne(keyed, { topic: internal, clientId: "__admin_client" });
  expect(codeOf(allowed)).toBeUndefined();
});

test("min.insync.replicas above one refuses acks=all, not acks=1", async () => {
  const strict = await memory.createTopic("strict", { "min.insync.replicas": "2" });
  expect(codeOf(await produceOne(batch(), { topic: strict }))).toBe("NOT_ENOUGH_REPLICAS");
  expect(codeOf(await produceOne(batch(), { topic: strict, acks: 1 }))).toBeUndefined();
});

test("a transactional batch without transactional id refuses the whole request", async () => {
  const bytes = batch("x", { isTransactional: true, producerId: 1, producerEpoch: 0 });
  await expect(produceOne(bytes)).rejects.toMatchObject({
    code: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
  });
  const within = await produceOne(bytes, { transactionalId: "t" });
  expect(codeOf(within)).toBe("INVALID_TXN_STATE");
});

test("one refused batch does not keep the others of its request out", async () => {
  const good = new ProducedBatch(topic, 0, batch());
  const bad = new ProducedBatch(topic, 9, batch());
  const batches = [bad, good];
  const request = { acks: -1, timeoutMs: 1_000, clientId: "", transactionalId: null, batches };
  await produce(memory.broker, request);
  expect(codeOf(bad)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  expect(good.appended?.baseOffset).toBe(0);
});

test("a small batch does not pin the large buffer that it came in", async () => {
  const received = new Uint8Array(64 * 1024);
  const bytes = batch("kept");
  received.set(bytes, 100);
  const view = received.subarray(100, 100 + bytes.length);
  await produceOne(view);
  received.fill(0);
  const stored = await topic.partitions[0]?.read(0, {
    sizeBytesMax: 1_000,
    wholeFirst: true,
    upTo: 1,
  });
  expect(stored?.chunks[0]?.subarray(17)).toEqual(bytes.subarray(17));
});

test("a partition without backlog is writable at once", () => {
  expect(whenWritable([new ProducedBatch(topic, 0, batch())])).toBeUndefined();
  expect(whenWritable([new ProducedBatch(undefined, 0, batch())])).toBeUndefined();
});
