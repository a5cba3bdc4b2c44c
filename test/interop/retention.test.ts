import kafkajs, { type Kafka } from "kafkajs";
import { afterEach, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startXylem } from "../support/xylem-process.ts";

const hourMs = 3_600_000;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface World {
  readonly broker: BrokerProcess;
  readonly client: RawClient;
  readonly kafka: Kafka;
}

async function start(): Promise<World> {
  const dataFolder = makeTemporaryFolder("retention");
  ends.push(async () => removeFolder(dataFolder));
  const settings = {
    "log.retention.check.interval.ms": "100",
    "group.initial.rebalance.delay.ms": "0",
  };
  const broker = await startXylem({ dataFolder, settings });
  ends.push(() => broker.stop());
  return await connect(broker);
}

async function connect(broker: BrokerProcess): Promise<World> {
  const client = await RawClient.open(broker.port);
  ends.push(async () => client.close());
  const brokers = [`127.0.0.1:${broker.port}`];
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
  return { broker, client, kafka };
}

async function killed({ broker }: World): Promise<World> {
  await broker.kill();
  await broker.restart();
  return await connect(broker);
}

/** The oldest offset of a partition, as kafkajs finds it. */
async function lowOf(world: World, topic: string): Promise<number> {
  const [offsets] = await withAdmin(world, (admin) => admin.fetchTopicOffsets(topic));
  return Number(offsets?.low);
}

async function withAdmin<T>({ kafka }: World, use: (admin: kafkajs.Admin) => Promise<T>) {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

async function configure(world: World, name: string, configs: Record<string, string>) {
  const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries };
  await withAdmin(world, (admin) =>
    admin.alterConfigs({ validateOnly: false, resources: [resource] }),
  );
}

async function produce({ client }: World, topic: string, times: readonly number[]) {
  for (const [at, timestampMs] of times.entries()) {
    const value = new TextEncoder().encode(`value ${at}`);
    await client.produce([topic, 0], batchOf([{ value, timestampMs }]));
  }
}

const repeat = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

test("by age whole segments go, exactly single records, and both stay gone", async () => {
  const world = await start();
  const now = Date.now();
  const own = { "retention.ms": String(hourMs), "segment.records": "5" };
  const exact = { ...own, "retention.exact": "true" };
  for (const name of ["whole", "exact"]) {
    await world.client.createTopic(name, { configs: { ...own, "retention.ms": "-1" } });
  }
  await world.client.createTopic("years", { configs: { "retention.ms": "315360000000" } });
  for (const topic of ["whole", "exact", "years"]) {
    await produce(world, topic, [...repeat(12, now - 2 * hourMs), ...repeat(5, now)]);
  }
  // A pass between two appends would remove all there is then, and segments begin elsewhere.
  await configure(world, "whole", own);
  await configure(world, "exact", exact);
  await waitUntil("old records are gone", async () => {
    return (await lowOf(world, "whole")) === 10 && (await lowOf(world, "exact")) === 12;
  });
  const next = await killed(world);
  expect(await lowOf(next, "whole")).toBe(10);
  expect(await lowOf(next, "exact")).toBe(12);
  expect(await lowOf(next, "years")).toBe(0);
  const below = await next.client.fetch(["exact", 0], 11);
  expect(below.errorCode).toBe(kafkaCode("OFFSET_OUT_OF_RANGE"));
  const values = (await next.client.readAll(["exact", 0], 12)).map(({ value }) => textOf(value));
  expect(values).toEqual([12, 13, 14, 15, 16].map((at) => `value ${at}`));
});

test("by bytes the oldest segments of a topic go, its newest records stay", async () => {
  const world = await start();
  const configs = { "retention.bytes": "30000", "internal.segment.bytes": "10000" };
  await world.client.createTopic("bytes", { configs });
  for (let at = 0; at < 60; at += 1) {
    await world.client.produce(["bytes", 0], batchOf([`${at} ${"x".repeat(900)}`]));
  }
  await waitUntil("old segments are gone", async () => (await lowOf(world, "bytes")) > 10);
  const low = await lowOf(world, "bytes");
  const kept = await world.client.readAll(["bytes", 0], low);
  expect(kept.length).toBe(60 - low);
  const sizeBytes = kept.reduce((sum, { value }) => sum + (value?.length ?? 0) + 70, 0);
  expect([sizeBytes >= 29_000, sizeBytes <= 42_000]).toEqual([true, true]);
});

test("acknowledged records go when the last group has passed them, over a kill too", async () => {
  const world = await start();
  await world.client.createTopic("work", { configs: { "retention.acknowledged": "true" } });
  await produce(world, "work", repeat(10, Date.now()));
  await acknowledge(world, "slow", 4);
  await acknowledge(world, "fast", 9);
  await waitUntil("what both have passed is gone", async () => (await lowOf(world, "work")) === 4);
  const next = await killed(world);
  expect(await lowOf(next, "work")).toBe(4);
  await acknowledge(next, "slow", 7);
  await waitUntil("the rest of it is gone", async () => (await lowOf(next, "work")) === 7);
  await withAdmin(next, (admin) => admin.deleteGroups(["slow"]));
  await waitUntil("one group is left", async () => (await lowOf(next, "work")) === 9);
});

/** Commits an offset as a consumer of the group would. */
async function acknowledge(world: World, groupId: string, offset: number): Promise<void> {
  const partitions = [{ partition: 0, offset: String(offset) }];
  await withAdmin(world, (admin) => admin.setOffsets({ groupId, topic: "work", partitions }));
}
