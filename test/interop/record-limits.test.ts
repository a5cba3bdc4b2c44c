import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startNode } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

const intervalMs = 100;
const earliest = -2;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(): Promise<{ broker: BrokerProcess; client: RawClient }> {
  const dataFolder = makeTemporaryFolder("record-limits");
  ends.push(async () => removeFolder(dataFolder));
  const settings = { "log.retention.check.interval.ms": String(intervalMs) };
  const broker = await startXylem({ dataFolder, settings });
  ends.push(() => broker.stop());
  return { broker, client: await openClient(broker.port) };
}

async function openClient(port: number): Promise<RawClient> {
  const client = await RawClient.open(port);
  ends.push(async () => client.close());
  return client;
}

async function killed(broker: BrokerProcess): Promise<RawClient> {
  await broker.kill();
  await broker.restart();
  const client = await openClient(broker.port);
  await client.createTopic("ready");
  return client;
}

/** The base offsets that a partition's log files are named by. */
function bases(broker: BrokerProcess, partition: string): number[] {
  const names = readdirSync(join(broker.dataFolder, partition));
  const logs = names.filter((name) => name.endsWith(".log"));
  return logs.map((name) => Number.parseInt(name, 10)).toSorted((one, other) => one - other);
}

async function produceFrom(client: RawClient, topic: string, range: readonly [number, number]) {
  for (let index = range[0]; index < range[1]; index += 1) {
    const { baseOffset } = await client.produce([topic, 0], batchOf([`value ${index}`]));
    expect(baseOffset).toBe(index);
  }
}

test("a limit of 10 records makes 3 segments of 25, and counts on after a kill", async () => {
  const { broker, client } = await start();
  await client.createTopic("by-count", { configs: { "segment.records": "10" } });
  await produceFrom(client, "by-count", [0, 25]);
  expect(bases(broker, "by-count-0")).toEqual([0, 10, 20]);
  await produceFrom(client, "by-count", [25, 30]);
  expect(bases(broker, "by-count-0")).toEqual([0, 10, 20]);
  const next = await killed(broker);
  await produceFrom(next, "by-count", [30, 31]);
  expect(bases(broker, "by-count-0")).toEqual([0, 10, 20, 30]);
  const values = (await next.readAll(["by-count", 0])).map(({ value }) => textOf(value));
  expect(values).toEqual(Array.from({ length: 31 }, (_, index) => `value ${index}`));
});

test("a batch is never split over two segments", async () => {
  const { broker, client } = await start();
  await client.createTopic("whole", { configs: { "segment.records": "10" } });
  const batch = (): Uint8Array => batchOf(Array.from({ length: 8 }, () => "x"));
  for (let round = 0; round < 5; round += 1) await client.produce(["whole", 0], batch());
  await client.produce(["whole", 0], batchOf(Array.from({ length: 25 }, () => "y")));
  await client.produce(["whole", 0], batchOf(["z"]));
  expect(bases(broker, "whole-0")).toEqual([0, 16, 32, 65]);
});

test("one record and a short time: a new segment appears by itself, and only one", async () => {
  const { broker, client } = await start();
  await client.createTopic("by-time", { configs: { "segment.ms": "300" } });
  await produceFrom(client, "by-time", [0, 1]);
  await waitUntil("a new segment", () => bases(broker, "by-time-0").length > 1);
  await sleep(intervalMs * 8);
  expect(bases(broker, "by-time-0")).toEqual([0, 1]);
  const next = await killed(broker);
  await produceFrom(next, "by-time", [1, 2]);
  expect(await next.readAll(["by-time", 0])).toHaveLength(2);
});

test("of 1,000 records the last 100 are kept exactly, and stay so after a kill", async () => {
  const { broker, client } = await start();
  const configs = { "retention.records": "100", "segment.records": "40" };
  await client.createTopic("keep", { configs });
  await produceThousand(client);
  await expectLastHundred(client);
  await waitUntil("old files are gone", () => bases(broker, "keep-0")[0] === 880);
  await expectLastHundred(await killed(broker));
});

test("in memory a count of records holds as well", async () => {
  const interval = `--log.retention.check.interval.ms=${intervalMs}`;
  const { child, bootstrap } = await startNode(["start", "--memory", "--port", "0", interval]);
  ends.push(() => child.end("SIGTERM"));
  const client = await openClient(Number(bootstrap.split(":")[1]));
  const configs = { "retention.records": "100", "segment.records": "40" };
  await client.createTopic("keep", { configs });
  await produceThousand(client);
  await expectLastHundred(client);
});

/** In batches of 8, so that the hundredth from the end lies inside one. */
async function produceThousand(client: RawClient): Promise<void> {
  for (let index = 0; index < 1_000; index += 8) {
    const values = Array.from({ length: 8 }, (_, at) => `value ${index + at}`);
    expect((await client.produce(["keep", 0], batchOf(values))).errorCode).toBe(0);
  }
}

async function expectLastHundred(client: RawClient): Promise<void> {
  await waitUntil("the log starts at 900", async () => {
    return Number((await client.listOffset(["keep", 0], earliest)).offset) === 900;
  });
  const below = await client.fetch(["keep", 0], 899);
  expect(below.errorCode).toBe(kafkaCode("OFFSET_OUT_OF_RANGE"));
  const values = (await client.readAll(["keep", 0], 900)).map(({ value }) => textOf(value));
  expect(values).toEqual(Array.from({ length: 100 }, (_, index) => `value ${900 + index}`));
  expect(Number((await client.listOffset(["keep", 0], earliest)).offset)).toBe(900);
}
