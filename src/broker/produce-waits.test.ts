import { beforeEach, expect, test } from "vitest";
import { SimulatedDisk } from "../simulation/simulated-disk.ts";
import { batchOf, openWorld } from "../../test/support/log-directory.ts";
import { defaultTopicSettings } from "../base/settings/topic-settings.ts";
import type { VirtualClock } from "../base/virtual-clock.ts";
import type { Broker } from "./broker.ts";
import { Deadlines } from "./deadlines.ts";
import type { PartitionLog } from "./partition/partition-log.ts";
import { produce, ProducedBatch, whenWritable } from "./produce.ts";
import { LiveTopic } from "./topics/live-topic.ts";

const mebibyte = 1_048_576;

let disk: SimulatedDisk;
let clock: VirtualClock;
let broker: Broker;
let topic: LiveTopic;
let partition: PartitionLog;

beforeEach(async () => {
  disk = new SimulatedDisk();
  const settings = { "log.append.pending.max.bytes": mebibyte };
  const world = await openWorld(disk, { settings });
  clock = world.clock;
  partition = await world.open("orders");
  const key = {
    name: "orders",
    id: new Uint8Array(16),
    revision: 1,
    isDense: true,
    storedCount: 1,
  };
  topic = new LiveTopic(key, new Map(), defaultTopicSettings);
  topic.partitions = [partition];
  // Produce knows nothing else of a broker.
  broker = { deadlines: new Deadlines(clock) } as unknown as Broker;
});

/** Syncs wait until the answer is called. */
function stallSyncs(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.fault = (operation) => (operation === "sync" ? promise : undefined);
  return resolve;
}

function send(bytes: Uint8Array, { acks = -1, timeoutMs = 1_000 } = {}) {
  const batch = new ProducedBatch(topic, 0, bytes);
  const options = { acks, timeoutMs, clientId: "", transactionalId: null };
  return { batch, done: produce(broker, { ...options, batches: [batch] }) };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("what is not committed in time is REQUEST_TIMED_OUT, and its records stay", async () => {
  const release = stallSyncs();
  const { batch, done } = send(batchOf(["slow"]));
  await clock.advance(1_010);
  await done;
  expect(batch.error?.code).toBe("REQUEST_TIMED_OUT");
  release();
  await settle();
  expect(partition.committed).toBe(1);
  expect(batch.error?.code).toBe("REQUEST_TIMED_OUT");
});

test("what is committed in time leaves no deadline behind", async () => {
  const release = stallSyncs();
  const { batch, done } = send(batchOf(["slow"]));
  expect(broker.deadlines.count).toBe(1);
  await clock.advance(900);
  release();
  await done;
  expect(batch.error).toBeUndefined();
  expect(broker.deadlines.count).toBe(0);
});

test("acks=1 is not left without an answer by a disk that does not flush", async () => {
  const release = stallSyncs();
  const { batch, done } = send(batchOf(["slow"]), { acks: 1, timeoutMs: 5_000 });
  await clock.advance(4_900);
  expect(batch.error).toBeUndefined();
  await clock.advance(200);
  await done;
  expect(batch.error?.code).toBe("REQUEST_TIMED_OUT");
  release();
});

test("acks=1 takes an ordinary flush, however short its time limit is", async () => {
  const release = stallSyncs();
  const { batch, done } = send(batchOf(["slow"]), { acks: 1, timeoutMs: 0 });
  await clock.advance(900);
  release();
  await done;
  expect(batch.error).toBeUndefined();
  expect(broker.deadlines.count).toBe(0);
});

test("a disk that fails its sync answers KAFKA_STORAGE_ERROR, to the next as well", async () => {
  disk.fault = (operation) => {
    if (operation === "sync") throw new Error("the disk is gone");
  };
  const { batch, done } = send(batchOf(["lost"]));
  await done;
  expect(batch.error?.code).toBe("KAFKA_STORAGE_ERROR");
  const next = send(batchOf(["lost too"]));
  await next.done;
  expect(next.batch.error?.code).toBe("KAFKA_STORAGE_ERROR");
});

test("producers wait while a partition has too much unwritten", async () => {
  const release = stallSyncs();
  const large = "x".repeat(300_000);
  const sent = Array.from({ length: 5 }, () => send(batchOf([large])));
  await settle();
  const more = Array.from({ length: 5 }, () => send(batchOf([large])));
  const backlog = whenWritable([new ProducedBatch(topic, 0, null)]);
  expect(backlog).toBeInstanceOf(Promise);
  release();
  await backlog;
  expect(whenWritable([new ProducedBatch(topic, 0, null)])).toBeUndefined();
  for (const { done } of [...sent, ...more]) await done;
  expect(partition.committed).toBe(10);
});

test("who waits for more replicas than there are is forgotten when time is over", async () => {
  const waiting = new Set<number>();
  // As a chain that is too short for what is asked.
  partition.whenStored = (offset) => {
    waiting.add(offset);
    return () => void waiting.delete(offset);
  };
  const batch = new ProducedBatch(topic, 0, batchOf(["a"]));
  const options = { acks: -1, timeoutMs: 1_000, clientId: "", transactionalId: null };
  const done = produce(broker, { ...options, replicasMin: 2, batches: [batch] });
  expect([...waiting]).toEqual([1]);
  await clock.advance(1_010);
  await done;
  expect(batch.error?.code).toBe("REQUEST_TIMED_OUT");
  expect(waiting.size).toBe(0);
});
