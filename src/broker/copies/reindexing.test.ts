import { expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  memoryDisk,
  readValues,
} from "../../../test/support/log-directory.ts";
import { openTopicsWorld, type TopicsWorld } from "../../../test/support/topics-world.ts";
import { Reindexing } from "./reindexing.ts";

const small = { "segment.records": "4", "index.interval.bytes": "1" };
const running = { aborted: false };

async function derived(world: TopicsWorld): Promise<Map<string, Uint8Array | undefined>> {
  const files = new Map<string, Uint8Array | undefined>();
  for (const { name } of await world.disk.list("orders-0")) {
    if (/\.(index|timeindex|txnindex|snapshot)$/.test(name)) {
      files.set(name, await world.disk.readFile(`orders-0/${name}`));
    }
  }
  return files;
}

async function openOrders(): Promise<TopicsWorld> {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders", small);
  const orders = world.partition("orders");
  const id = { producerId: 7, producerEpoch: 0, isTransactional: true } as const;
  for (let sequence = 0; sequence < 6; sequence += 1) {
    const batch = batchOf([`${sequence}`], { ...id, baseSequence: sequence });
    orders.append(batch, { origin: "client", isTransactionKnown: true });
    const end = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 1, transactionVersion: 1 };
    orders.endTransaction({ ...end, type: "abort" });
  }
  await committed(orders, orders.end);
  return world;
}

test("what is derived from a log comes out the same when it is made again", async () => {
  const world = await openOrders();
  const reindexing = new Reindexing(world.topics, world.directory);
  // The first run closes the active segment.
  await reindexing.run("orders", running);
  const before = await derived(world);
  const kinds = new Set([...before.keys()].map((name) => name.slice(20)));
  expect([...kinds].toSorted()).toEqual([".index", ".snapshot", ".timeindex", ".txnindex"]);
  for (const name of before.keys()) {
    const file = await world.disk.open(`orders-0/${name}`, { create: false });
    await file.truncate(0);
    await file.append([Uint8Array.of(1, 2, 3)]);
    await file.close();
  }
  const report = await reindexing.run("orders", running);
  expect(report).toEqual({ partitions: 1, segments: 3 });
  expect(await derived(world)).toEqual(before);
});

test("a topic is read and written while its indexes are made again", async () => {
  const world = await openOrders();
  const reindexing = new Reindexing(world.topics, world.directory);
  const orders = world.partition("orders");
  const working = reindexing.run("orders", running);
  await append(orders, ["meanwhile"]);
  const values = await readValues(orders);
  await working;
  expect(values.at(-1)).toBe("meanwhile");
  expect(await readValues(orders)).toEqual(values);
  await world.close();
  expect(await readValues((await openTopicsWorld(world.disk)).partition("orders"))).toEqual(values);
});

test("an unknown topic and one that is given up are told", async () => {
  const world = await openOrders();
  const reindexing = new Reindexing(world.topics, world.directory);
  await expect(reindexing.run("none", running)).rejects.toThrow("no topic");
  await expect(reindexing.run("orders", { aborted: true })).rejects.toThrow("given up");
});
