import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

let broker: BrokerProcess;
let client: RawClient;
let dataFolder: string | undefined;

async function start(settings: Record<string, string> = {}): Promise<void> {
  dataFolder = makeTemporaryFolder("restart");
  broker = await startBroker({ dataFolder, settings });
  client = await RawClient.open(broker.port);
}

async function restart(how: "stop" | "kill"): Promise<void> {
  client.close();
  if (how === "kill") await broker.kill();
  await broker.restart();
  client = await RawClient.open(broker.port);
  await client.createTopic("ready");
}

afterEach(async () => {
  client.close();
  await broker.stop();
  if (dataFolder !== undefined) removeFolder(dataFolder);
});

test.each(["stop", "kill"] as const)(
  "after each %s offsets go on without gap or repeat",
  async (how) => {
    await start();
    await client.createTopic("r-offsets");
    const offsets = [];
    for (let round = 0; round < 4; round += 1) {
      const value = `round ${round}`;
      offsets.push((await client.produce(["r-offsets", 0], batchOf([value]))).baseOffset);
      await restart(how);
    }
    expect(offsets).toEqual([0, 1, 2, 3]);
    const values = (await client.readAll(["r-offsets", 0])).map((record) => textOf(record.value));
    expect(values).toEqual(["round 0", "round 1", "round 2", "round 3"]);
  },
);

test.each(["stop", "kill"] as const)(
  "a batch sent again after a %s is still a duplicate",
  async (how) => {
    await start();
    await client.createTopic("r-duplicate");
    const producer = await client.initProducerId();
    const first = batchOf(["first"], { ...producer, baseSequence: 0 });
    const second = batchOf(["second"], { ...producer, baseSequence: 1 });
    await client.produce(["r-duplicate", 0], first.slice());
    await client.produce(["r-duplicate", 0], second.slice());
    await restart(how);
    const again = await client.produce(["r-duplicate", 0], second.slice());
    expect(again).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect((await client.listOffset(["r-duplicate", 0], -1)).offset).toBe(2);
    const next = batchOf(["third"], { ...producer, baseSequence: 2 });
    expect((await client.produce(["r-duplicate", 0], next)).baseOffset).toBe(2);
    const gap = batchOf(["fifth"], { ...producer, baseSequence: 4 });
    const refused = await client.produce(["r-duplicate", 0], gap);
    expect(refused.errorCode).toBe(kafkaCode("OUT_OF_ORDER_SEQUENCE_NUMBER"));
  },
);

test("a producer id is never given out twice, also after a kill", async () => {
  await start();
  const ids = new Set<number>();
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 5; index += 1) ids.add((await client.initProducerId()).producerId);
    await restart("kill");
  }
  expect(ids.size).toBe(15);
});

test("small segments roll at their size under their base offset's name", async () => {
  await start();
  await client.createTopic("r-roll", { configs: { "segment.bytes": "1048576" } });
  const batch = (): Uint8Array => batchOf([{ value: new Uint8Array(300_000) }]);
  for (let index = 0; index < 10; index += 1) await client.produce(["r-roll", 0], batch());
  const names = filesOf("r-roll-0", ".log");
  expect(names).toEqual([0, 3, 6, 9].map((offset) => `${String(offset).padStart(20, "0")}.log`));
  expect(await client.readAll(["r-roll", 0])).toHaveLength(10);
});

test("indexes that were deleted are made again, and reads are right without them", async () => {
  await start();
  const configs = { "segment.bytes": "1048576", "index.interval.bytes": "1000" };
  await client.createTopic("r-index", { configs });
  for (let index = 0; index < 300; index += 1) {
    const record = { value: new Uint8Array(10_000).fill(index % 256), timestampMs: 1e12 + index };
    await client.produce(["r-index", 0], batchOf([record]));
  }
  client.close();
  await broker.terminate();
  const folder = join(broker.dataFolder, "r-index-0");
  const before = indexSizes(folder);
  for (const name of filesOf("r-index-0", "index")) rmSync(join(folder, name));
  await broker.restart();
  client = await RawClient.open(broker.port);
  for (const offset of [0, 99, 150, 299]) {
    const { timestampMs } = (await client.readAll(["r-index", 0], offset))[0] ?? {};
    expect(timestampMs).toBe(1e12 + offset);
  }
  const found = await client.listOffset(["r-index", 0], 1e12 + 177);
  expect(found.offset).toBe(177);
  await broker.terminate();
  expect(indexSizes(folder)).toEqual(before);
});

function filesOf(partition: string, ending: string): string[] {
  const names = readdirSync(join(broker.dataFolder, partition));
  return names.filter((name) => name.endsWith(ending)).toSorted();
}

function indexSizes(folder: string): Record<string, number> {
  const names = readdirSync(folder).filter((name) => name.endsWith("index"));
  return Object.fromEntries(names.map((name) => [name, statSync(join(folder, name)).size]));
}
