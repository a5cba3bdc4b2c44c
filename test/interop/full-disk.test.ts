import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { afterEach, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient, recordsOf, textOf } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startXylem } from "../support/xylem-process.ts";

// Apache Kafka stops a broker whose disk is full: these are Xylem's own promises.
const full = kafkaCode("DISK_FULL");
const log = ["log", 0] as const;

let disk: SmallDisk;
let broker: BrokerProcess;

async function startOn(
  limits: { size: string; inodes?: number },
  settings: Readonly<Record<string, string>>,
): Promise<RawClient> {
  disk = new SmallDisk(limits);
  broker = await startXylem({ dataFolder: join(disk.root, "data"), settings });
  return await RawClient.open(broker.port);
}

const valueOf = (index: number, sizeBytes: number): string => `${index} `.padEnd(sizeBytes, "x");

function produce(client: RawClient, index: number, sizeBytes = 200_000) {
  return client.produce(log, batchOf([valueOf(index, sizeBytes)]));
}

/** Produces until it is refused; answers how many were acknowledged. */
async function fill(client: RawClient, from = 0): Promise<number> {
  for (let index = from; ; index += 1) {
    const { errorCode } = await produce(client, index);
    if (errorCode === 0) continue;
    expect(errorCode).toBe(full);
    return index;
  }
}

async function expectRead(client: RawClient, count: number, from = 0): Promise<void> {
  for (let offset = from; offset < count; offset += 1) {
    const { errorCode, records } = await client.fetch(log, offset, { sizeBytesMax: 1 });
    expect(errorCode).toBe(0);
    const [record] = recordsOf(records);
    expect(textOf(record?.value ?? null).split(" ")[0]).toBe(String(offset));
  }
}

async function produceAgain(client: RawClient, index: number): Promise<void> {
  await waitUntil("appends are taken again", async () => {
    return (await produce(client, index)).errorCode === 0;
  });
}

describeWith(["tmpfs"], "on a disk that fills up", () => {
  afterEach(async () => {
    await broker.stop();
    disk.remove();
  });

  test("appends stop at the reserve; reads and deletions go on and make room", async () => {
    const settings = { "log.disk.reserve.bytes": "2097152", "log.disk.check.interval.ms": "100" };
    const client = await startOn({ size: "12m" }, settings);
    await client.createTopic("log", {
      configs: { "segment.bytes": "1048576", "file.delete.delay.ms": "0" },
    });
    const count = await fill(client);
    expect(count).toBeGreaterThan(30);
    await expectRead(client, count);
    expect((await client.createTopic("made"))?.errorCode ?? 0).toBe(0);
    expect(await client.deleteRecords(log, 20)).toEqual({ errorCode: 0, lowWatermark: 20 });
    await produceAgain(client, count);
    expect(broker.output.match(/appends are refused/g)?.length).toBe(1);
    await broker.kill();
    await broker.restart();
    const again = await RawClient.open(broker.port);
    await expectRead(again, count + 1, 20);
    again.close();
    client.close();
  });

  test("where others took all of it, nothing acknowledged is lost and all recovers", async () => {
    const settings = { "log.disk.reserve.bytes": "0", "log.disk.check.interval.ms": "100" };
    const client = await startOn({ size: "8m" }, settings);
    await client.createTopic("log");
    for (let index = 0; index < 5; index += 1) await produce(client, index);
    disk.fill();
    expect((await produce(client, 5)).errorCode).toBe(full);
    expect(await client.deleteRecords(log, 2)).toMatchObject({ errorCode: full });
    await expectRead(client, 5);
    disk.free();
    await produceAgain(client, 5);
    await expectRead(client, 6);
    client.close();
  });

  test("a node that was killed on a full disk starts on it and serves reads", async () => {
    const settings = { "log.disk.reserve.bytes": "0", "log.disk.check.interval.ms": "100" };
    const client = await startOn({ size: "8m" }, settings);
    await client.createTopic("log");
    await client.createTopic("empty");
    for (let index = 0; index < 5; index += 1) await produce(client, index);
    disk.fill();
    expect((await produce(client, 5)).errorCode).toBe(full);
    client.close();
    await broker.kill();
    await broker.restart();
    const again = await RawClient.open(broker.port);
    await expectRead(again, 5);
    expect((await produce(again, 5)).errorCode).toBe(full);
    disk.free();
    await produceAgain(again, 5);
    await expectRead(again, 6);
    again.close();
  });

  test("a client library retries by itself until there is space", async () => {
    const settings = { "log.disk.reserve.bytes": "0", "log.disk.check.interval.ms": "100" };
    const client = await startOn({ size: "8m" }, settings);
    await client.createTopic("log");
    disk.fill();
    const retry = { retries: 20, initialRetryTime: 100, maxRetryTime: 300 };
    const brokers = [broker.bootstrap];
    const kafka = new Kafka({ brokers, retry, logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const sending = producer.send({ topic: "log", messages: [{ value: valueOf(0, 200_000) }] });
    await waitUntil("it was refused", () => broker.output.includes("appends are refused"));
    disk.free();
    await sending;
    await producer.disconnect();
    await expectRead(client, 1);
    client.close();
  });

  test("without inodes what has its files goes on, and the rest is refused for now", async () => {
    const client = await startOn({ size: "64m", inodes: 60 }, {});
    await client.createTopic("log");
    expect((await produce(client, 0)).errorCode).toBe(0);
    const partitions = 60;
    await client.createTopic("many", { partitions });
    const codes: number[] = [];
    for (let partition = 0; partition < partitions; partition += 1) {
      const small = batchOf(["x"]);
      codes.push((await client.produce(["many", partition], small)).errorCode);
    }
    expect(new Set(codes)).toEqual(new Set([0, full]));
    expect((await produce(client, 1)).errorCode).toBe(0);
    await expectRead(client, 2);
    expect(await client.deleteTopic("many")).toBe(0);
    client.close();
  });
});
