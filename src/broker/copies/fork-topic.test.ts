import { expect, test } from "vitest";
import { append, batchOf, memoryDisk, readValues } from "../../../test/support/log-directory.ts";
import { openTopicsWorld } from "../../../test/support/topics-world.ts";
import type { XylemError } from "../../base/errors.ts";
import { forkTopic } from "./fork-topic.ts";

const small = { "internal.segment.bytes": "300", "segment.records": "3" };
const latest = { kind: "latest" } as const;

const values = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `value ${from + index}`);

async function openOrders(count = 10) {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders", small);
  for (const [index, value] of values(count).entries()) {
    await append(world.partition("orders"), [value], { timestampMs: 1_000 * index });
  }
  return world;
}

test("a fork has its source's records below the cut, and its configs", async () => {
  const world = await openOrders();
  for (const [offset, name] of [
    [4, "debug-4"],
    [6, "debug-6"],
    [10, "debug-10"],
    [99, "debug-99"],
  ] as const) {
    await forkTopic(world.topics, { source: "orders", name, at: { kind: "offset", offset } });
    const fork = world.partition(name);
    expect(await readValues(fork)).toEqual(values(Math.min(10, offset)));
    expect(fork.end).toBe(Math.min(10, offset));
    expect(world.topics.find(name)?.configs).toEqual(world.topics.find("orders")?.configs);
    expect(world.topics.find(name)?.id).not.toEqual(world.topics.find("orders")?.id);
  }
});

test("the broker's own topics never begin with foreign records", async () => {
  const world = await openOrders(3);
  for (const name of ["__consumer_offsets", "__transaction_state", "__share_group_state"]) {
    const forked = forkTopic(world.topics, { source: "orders", name, at: latest });
    await expect(forked).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect(world.topics.find(name)).toBeUndefined();
  }
});

test("a fork of nothing is an empty topic", async () => {
  const world = await openOrders(3);
  await forkTopic(world.topics, {
    source: "orders",
    name: "none",
    at: { kind: "offset", offset: 0 },
  });
  expect(world.partition("none").end).toBe(0);
  expect(await append(world.partition("none"), ["first"])).toBe(0);
});

test("a cut inside a batch leaves the whole batch out", async () => {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders");
  await append(world.partition("orders"), ["a", "b"]);
  await append(world.partition("orders"), ["c", "d", "e"]);
  await forkTopic(world.topics, {
    source: "orders",
    name: "cut",
    at: { kind: "offset", offset: 4 },
  });
  expect(await readValues(world.partition("cut"))).toEqual(["a", "b"]);
  expect(await append(world.partition("cut"), ["other"])).toBe(2);
});

test("a time cuts each partition before its first record that is not older", async () => {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders", small, 2);
  for (const [index, times] of [
    [0, [10, 20, 30, 40]],
    [1, [25, 35]],
  ] as const) {
    for (const timestampMs of times) {
      await append(world.partition("orders", index), [String(timestampMs)], { timestampMs });
    }
  }
  const at = { kind: "time", timestampMs: 30 } as const;
  await forkTopic(world.topics, { source: "orders", name: "before", at });
  expect(await readValues(world.partition("before", 0))).toEqual(["10", "20"]);
  expect(await readValues(world.partition("before", 1))).toEqual(["25"]);
});

test("source and fork go their own ways, also after restarts and without each other", async () => {
  const world = await openOrders();
  await forkTopic(world.topics, { source: "orders", name: "debug", at: latest });
  await append(world.partition("debug"), ["only in the fork"]);
  await append(world.partition("orders"), ["only in the source"]);
  const inFork = [...values(10), "only in the fork"];
  const inSource = [...values(10), "only in the source"];
  expect(await readValues(world.partition("debug"))).toEqual(inFork);
  expect(await readValues(world.partition("orders"))).toEqual(inSource);
  await world.close();
  const again = await openTopicsWorld(world.disk);
  expect(await readValues(again.partition("debug"))).toEqual(inFork);
  expect(await readValues(again.partition("orders"))).toEqual(inSource);
  await again.partition("debug").deleteRecordsBefore(5);
  await again.topics.delete("orders");
  await again.close();
  const last = await openTopicsWorld(world.disk);
  expect(last.topics.find("orders")).toBeUndefined();
  expect(await readValues(last.partition("debug"), 5)).toEqual(inFork.slice(5));
});

test("what was removed below the log start is in no fork", async () => {
  const world = await openOrders();
  await world.partition("orders").deleteRecordsBefore(5);
  await forkTopic(world.topics, { source: "orders", name: "debug", at: latest });
  const fork = world.partition("debug");
  expect([fork.logStart, fork.end]).toEqual([5, 10]);
  expect(await readValues(fork, 5)).toEqual(values(5, 5));
  await world.close();
  const again = await openTopicsWorld(world.disk);
  expect(again.partition("debug").logStart).toBe(5);
});

test("a fork knows the producers of its source", async () => {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders", small);
  const id = { producerId: 7, producerEpoch: 0 };
  const batch = (sequence: number) => batchOf([`${sequence}`], { ...id, baseSequence: sequence });
  const origin = { origin: "client" } as const;
  for (const sequence of [0, 1, 2, 3, 4]) {
    const { lastOffset } = world.partition("orders").append(batch(sequence), origin);
    await new Promise((resolve) => world.partition("orders").whenHeld(lastOffset + 1, resolve));
  }
  const at = { kind: "offset", offset: 4 } as const;
  await forkTopic(world.topics, { source: "orders", name: "debug", at });
  const fork = world.partition("debug");
  expect(fork.append(batch(3), origin)).toMatchObject({ isDuplicate: true, baseOffset: 3 });
  expect(fork.append(batch(4), origin)).toMatchObject({ isDuplicate: false, baseOffset: 4 });
});

test("a fork while records are appended holds a whole beginning of them", async () => {
  const world = await openOrders(5);
  const source = world.partition("orders");
  let isOver = false;
  const appending = (async () => {
    for (let count = 5; !isOver; count += 1) await append(source, [`value ${count}`]);
  })();
  const ends: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    await forkTopic(world.topics, { source: "orders", name: `debug-${round}`, at: latest });
    const fork = world.partition(`debug-${round}`);
    expect(await readValues(fork)).toEqual(values(fork.end));
    ends.push(fork.end);
  }
  isOver = true;
  await appending;
  expect(ends).toEqual(ends.toSorted((one, other) => one - other));
  expect(ends.at(-1)).toBeGreaterThan(ends[0] as number);
  expect(await readValues(source)).toEqual(values(source.end));
});

test("what can not be forked is refused, and leaves nothing behind", async () => {
  const world = await openOrders(4);
  await world.create("taken");
  const fork = (source: string, name: string) =>
    forkTopic(world.topics, { source, name, at: latest }).catch((error: XylemError) => error.code);
  expect(await fork("nothing", "debug")).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  expect(await fork("orders", "taken")).toBe("TOPIC_ALREADY_EXISTS");
  expect(await fork("orders", "a/b")).toBe("INVALID_TOPIC_EXCEPTION");
  await world.topics.ensureInternal("__consumer_offsets");
  expect(await fork("__consumer_offsets", "debug")).toBe("INVALID_REQUEST");
  const folders = (await world.disk.list("")).filter(({ isDirectory }) => isDirectory);
  expect(folders.map(({ name }) => name)).toEqual(["orders-0"]);
});

test("a transaction that is open at the cut is aborted in the fork", async () => {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders");
  const source = world.partition("orders");
  const id = { producerId: 7, producerEpoch: 0, isTransactional: true } as const;
  for (const sequence of [0, 1]) {
    const batch = batchOf([`${sequence}`], { ...id, baseSequence: sequence });
    source.append(batch, { origin: "client", isTransactionKnown: true });
  }
  const end = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 1, transactionVersion: 1 };
  const { lastOffset } = source.endTransaction({ ...end, type: "commit" });
  await new Promise((resolve) => source.whenHeld(lastOffset + 1, resolve));
  const at = { kind: "offset", offset: 1 } as const;
  await forkTopic(world.topics, { source: "orders", name: "debug", at });
  const fork = world.partition("debug");
  expect([fork.end, fork.lastStable]).toEqual([2, 2]);
  expect(await fork.abortedTransactions(0, 2)).toMatchObject([
    { producerId: 7, firstOffset: 0, lastOffset: 1 },
  ]);
});
