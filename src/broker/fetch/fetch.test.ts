import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { batchOf, recordsOf, textOf } from "../../../test/support/raw-client.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../test/support/transactional-producer.ts";
import { joinBytes } from "../../base/bytes.ts";
import { produce, ProducedBatch } from "../produce.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { FetchBudget } from "./fetch-budget.ts";
import { Fetch, type FetchLimits } from "./fetch.ts";
import { FetchPartition, type FetchWish } from "./fetch-partition.ts";

let memory: MemoryBroker;
let topic: Topic;

beforeEach(async () => {
  memory = await MemoryBroker.open();
  topic = await memory.createTopic("orders", {}, 3);
});

afterEach(() => memory.close());

const limits: FetchLimits = { maxWaitMs: 0, minBytes: 1, maxBytes: 1e6, readCommitted: false };

function wanted(index: number, wish: Partial<FetchWish> = {}): FetchPartition {
  return new FetchPartition(topic, index, {
    fetchOffset: 0,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    sizeBytesMax: 1e6,
    ...wish,
  });
}

async function append(index: number, ...texts: string[]): Promise<void> {
  const timestampMs = memory.clock.nowMs();
  const encoder = new TextEncoder();
  const records = texts.map((text) => ({ value: encoder.encode(text), timestampMs }));
  const batch = new ProducedBatch(topic, index, batchOf(records));
  const request = { acks: -1, timeoutMs: 1_000, clientId: "", transactionalId: null };
  await produce(memory.broker, { ...request, batches: [batch] });
  expect(batch.error).toBeUndefined();
}

function valuesOf(partition: FetchPartition): string[] {
  if (partition.chunks.length === 0) return [];
  return recordsOf(joinBytes(partition.chunks)).map(({ value }) => textOf(value));
}

/** Lets everything that is due at once happen; answers whether the fetch is over. */
async function isOver(fetching: Promise<void> | undefined): Promise<boolean> {
  let over = fetching === undefined;
  void fetching?.then(() => (over = true));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return over;
}

test("stored batches come back from each offset on, whole", async () => {
  await append(0, "a", "b", "c");
  await append(0, "d");
  const middle = wanted(0, { fetchOffset: 1 });
  await new Fetch(memory.broker, limits, [middle]).run();
  expect(valuesOf(middle)).toEqual(["a", "b", "c", "d"]);
  expect(middle).toMatchObject({ highWatermark: 4, lastStable: 4, logStart: 0, error: undefined });
});

test("offsets outside the log are OFFSET_OUT_OF_RANGE, its end is not", async () => {
  await append(0, "a");
  const beyond = wanted(0, { fetchOffset: 2 });
  const negative = wanted(0, { fetchOffset: -1 });
  const end = wanted(0, { fetchOffset: 1 });
  await new Fetch(memory.broker, limits, [beyond, negative, end]).run();
  expect(beyond).toMatchObject({ error: { code: "OFFSET_OUT_OF_RANGE" }, highWatermark: -1 });
  expect(negative.error?.code).toBe("OFFSET_OUT_OF_RANGE");
  expect(end).toMatchObject({ error: undefined, sizeBytes: 0, highWatermark: 1 });
});

test("an error in one partition leaves the others alone", async () => {
  await append(1, "kept");
  const good = wanted(1);
  const unknown = wanted(7);
  const nowhere = new FetchPartition(undefined, 0, wanted(0));
  await new Fetch(memory.broker, limits, [unknown, nowhere, good]).run();
  expect(unknown.error?.code).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  expect(nowhere.error?.code).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  expect(valuesOf(good)).toEqual(["kept"]);
});

test("leader epochs that differ from ours are told apart", async () => {
  const newer = wanted(0, { currentLeaderEpoch: 1 });
  const equal = wanted(0, { currentLeaderEpoch: 0 });
  await new Fetch(memory.broker, limits, [newer, equal]).run();
  expect(newer.error?.code).toBe("UNKNOWN_LEADER_EPOCH");
  expect(equal.error).toBeUndefined();
});

test("a reader that is ahead of our history learns where it diverges", async () => {
  await append(0, "a", "b");
  const ahead = wanted(0, { fetchOffset: 5, lastFetchedEpoch: 0 });
  const same = wanted(0, { fetchOffset: 2, lastFetchedEpoch: 0 });
  const unknown = wanted(0, { fetchOffset: 2, lastFetchedEpoch: 5 });
  await new Fetch(memory.broker, limits, [ahead, same, unknown]).run();
  expect(ahead).toMatchObject({ divergingEpoch: { epoch: 0, endOffset: 2 }, error: undefined });
  expect(unknown.error?.code).toBe("OFFSET_OUT_OF_RANGE");
  expect(same).toMatchObject({ divergingEpoch: undefined, error: undefined });
});

test("the first batch comes whole however small the limits, later ones if they fit", async () => {
  await append(0, "x".repeat(1_000));
  await append(1, "y".repeat(1_000));
  await append(2, "z");
  const [first, large, small] = [wanted(0, { sizeBytesMax: 1 }), wanted(1), wanted(2)];
  await new Fetch(memory.broker, { ...limits, maxBytes: 1_200 }, [first, large, small]).run();
  expect(valuesOf(first)).toEqual(["x".repeat(1_000)]);
  expect(large.sizeBytes).toBe(0);
  expect(valuesOf(small)).toEqual(["z"]);
});

test("with the node's budget used up a fetch brings one batch, and gives it back", async () => {
  for (const index of [0, 1, 2]) await append(index, "x".repeat(1_000));
  const budget = new FetchBudget(() => 2_500);
  const held = [0, 1, 2].map((index) => wanted(index));
  const holder = new Fetch(memory.broker, { ...limits, budget }, held);
  await holder.run();
  expect(held.map(({ sizeBytes }) => sizeBytes > 0)).toEqual([true, true, false]);
  const starved = [0, 1, 2].map((index) => wanted(index));
  const other = new Fetch(memory.broker, { ...limits, budget }, starved);
  await other.run();
  expect(starved.map(({ sizeBytes }) => sizeBytes > 0)).toEqual([true, false, false]);
  for (const fetch of [holder, other, other]) fetch.release();
  expect(budget.bytes).toBe(0);
});

test("a waiting fetch holds nothing of the budget", async () => {
  const budget = new FetchBudget(() => 1e6);
  await append(0, "some");
  const patient = { ...limits, maxWaitMs: 10_000, minBytes: 50_000, budget };
  const fetch = new Fetch(memory.broker, patient, [wanted(0)]);
  const fetching = fetch.run();
  expect(await isOver(fetching)).toBe(false);
  expect(budget.bytes).toBe(0);
  fetch.expire();
  await fetching;
  expect(budget.bytes).toBeGreaterThan(0);
  fetch.release();
  expect(budget.bytes).toBe(0);
});

test("a fetch at the end waits until a record comes", async () => {
  const end = wanted(0);
  const fetching = new Fetch(memory.broker, { ...limits, maxWaitMs: 10_000 }, [end]).run();
  expect(await isOver(fetching)).toBe(false);
  await append(1, "elsewhere");
  expect(await isOver(fetching)).toBe(false);
  await append(0, "here");
  expect(await isOver(fetching)).toBe(true);
  expect(valuesOf(end)).toEqual(["here"]);
});

test("a fetch that nothing comes for is answered empty when its time is over", async () => {
  const end = wanted(0);
  const fetching = new Fetch(memory.broker, { ...limits, maxWaitMs: 500 }, [end]).run();
  await memory.clock.advance(499);
  expect(await isOver(fetching)).toBe(false);
  await memory.clock.advance(6);
  expect(await isOver(fetching)).toBe(true);
  expect(end).toMatchObject({ sizeBytes: 0, highWatermark: 0, error: undefined });
  expect(memory.broker.deadlines.count).toBe(0);
});

test("min bytes are waited for over several appends, or until time is over", async () => {
  const end = wanted(0);
  const patient = { ...limits, maxWaitMs: 10_000, minBytes: 250 };
  const fetching = new Fetch(memory.broker, patient, [end]).run();
  await append(0, "one");
  await append(0, "two");
  expect(await isOver(fetching)).toBe(false);
  await append(0, "x".repeat(150));
  expect(await isOver(fetching)).toBe(true);
  expect(valuesOf(end)).toHaveLength(3);
});

test("a waiting fetch learns at once that its topic was deleted", async () => {
  const end = wanted(0);
  const fetching = new Fetch(memory.broker, { ...limits, maxWaitMs: 60_000 }, [end]).run();
  await memory.broker.topics.delete("orders");
  expect(await isOver(fetching)).toBe(true);
  expect(end.error?.code).toBe("UNKNOWN_TOPIC_OR_PARTITION");
});

test("a fetch whose reader has gone ends and keeps nothing waiting", async () => {
  const fetch = new Fetch(memory.broker, { ...limits, maxWaitMs: 60_000 }, [wanted(0)]);
  const fetching = fetch.run();
  expect(memory.broker.deadlines.count).toBe(1);
  fetch.cancel();
  expect(await isOver(fetching)).toBe(true);
  expect(memory.broker.deadlines.count).toBe(0);
});

test("errors are told at once, however long the fetch would wait", async () => {
  const fetch = new Fetch(memory.broker, { ...limits, maxWaitMs: 60_000 }, [wanted(0), wanted(9)]);
  expect(await isOver(fetch.run())).toBe(true);
});

test("a fetch of committed records waits for a transaction to end", async () => {
  const log = topic.partitions[0] as PartitionLog;
  const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
  await append(0, "plain");
  one.send(log, ["kept"]);
  other.send(log, ["dropped"]);
  one.end(log, "commit");
  await allCommitted(log);
  const partition = wanted(0, { fetchOffset: 1 });
  const patient = { ...limits, maxWaitMs: 60_000, readCommitted: true };
  const first = new Fetch(memory.broker, { ...patient, minBytes: 10 }, [partition]);
  const reading = first.run();
  const behind = new Fetch(memory.broker, patient, [wanted(0, { fetchOffset: 2 })]).run();
  expect(await isOver(reading)).toBe(true);
  expect(await isOver(behind)).toBe(false);
  expect([valuesOf(partition), partition.lastStable]).toEqual([["kept"], 2]);
  expect(partition.aborted).toEqual([]);
  other.end(log, "abort");
  expect(await isOver(behind)).toBe(true);
  const again = wanted(0, { fetchOffset: 1 });
  await new Fetch(memory.broker, patient, [again]).run();
  const entry = { producerId: 2, firstOffset: 2, lastOffset: 4, lastStableOffset: 5 };
  expect([again.lastStable, again.aborted]).toEqual([5, [entry]]);
  const uncommitted = wanted(0, { fetchOffset: 1 });
  await new Fetch(memory.broker, limits, [uncommitted]).run();
  expect([uncommitted.lastStable, uncommitted.aborted]).toEqual([5, []]);
});
