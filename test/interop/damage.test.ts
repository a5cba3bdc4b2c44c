import { openSync, closeSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient, recordsOf } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startXylem } from "../support/xylem-process.ts";

// Apache Kafka leaves the sum of a stored batch to its consumers: these are Xylem's own promises.
let broker: BrokerProcess;
let dataFolder: string;

beforeEach(async () => {
  dataFolder = makeTemporaryFolder("damage");
  broker = await startXylem({ dataFolder });
});

afterEach(async () => {
  await broker.stop();
  removeFolder(dataFolder);
});

test("a byte that flips on disk is told and never served; what lies around it is", async () => {
  await writeThenDamage(() => 350_000);
  const client = await RawClient.open(broker.port);
  const before = await client.fetch(["damaged", 0], 0, { sizeBytesMax: 100 });
  expect(recordsOf(before.records)).toHaveLength(1);
  const damaged = await client.fetch(["damaged", 0], 3);
  expect(damaged.errorCode).toBe(kafkaCode("CORRUPT_MESSAGE"));
  const after = await client.fetch(["damaged", 0], 4);
  expect(after.errorCode).toBe(0);
  expect(recordsOf(after.records)[0]?.offset).toBe(4);
  const answer = await client.produce(["damaged", 0], batchOf(["more"]));
  expect(answer).toMatchObject({ errorCode: 0, baseOffset: 10 });
  client.close();
  expect(broker.output).toMatch(/damaged/);
});

test.each([
  ["base offset", 7],
  ["length", 10],
  ["leader epoch", 15],
  ["magic", 16],
])("a bit that flips in the %s, which no sum covers, is told where it is", async (_, byte) => {
  await writeThenDamage((batchBytes) => 3 * batchBytes + byte);
  const client = await RawClient.open(broker.port);
  for (let offset = 0; offset < 10; offset += 1) {
    const { errorCode, records } = await client.fetch(["damaged", 0], offset, { sizeBytesMax: 1 });
    const first = errorCode === 0 ? recordsOf(records)[0]?.offset : errorCode;
    expect(first).toBe(offset === 3 ? kafkaCode("CORRUPT_MESSAGE") : offset);
  }
  client.close();
  const told =
    /topic=damaged.*partition=0.*segment=damaged-0\/0{20}\.log.*firstOffset=3.*endOffset=4/;
  expect(broker.output).toMatch(told);
});

test("damage in the middle is not cut after a kill", async () => {
  await writeThenDamage(() => 350_000);
  await broker.kill();
  await broker.restart();
  const client = await RawClient.open(broker.port);
  expect((await client.listOffset(["damaged", 0], -1)).offset).toBe(10);
  expect((await client.fetch(["damaged", 0], 9)).errorCode).toBe(0);
  const damaged = await client.fetch(["damaged", 0], 3);
  expect(damaged.errorCode).toBe(kafkaCode("CORRUPT_MESSAGE"));
  client.close();
});

/** Ten batches of about 100,000 bytes; after a restart, so that no memory holds them, one flips. */
async function writeThenDamage(place: (batchBytes: number) => number): Promise<void> {
  const client = await RawClient.open(broker.port);
  await client.createTopic("damaged");
  for (let index = 0; index < 10; index += 1) {
    await client.produce(["damaged", 0], batchOf([{ value: new Uint8Array(99_900) }]));
  }
  client.close();
  await broker.terminate();
  flipByte(join(dataFolder, "damaged-0"), place);
  await broker.restart();
}

function flipByte(folder: string, place: (batchBytes: number) => number): void {
  const log = readdirSync(folder).find((name) => name.endsWith(".log"));
  const path = join(folder, log ?? "none");
  const position = place(statSync(path).size / 10);
  const file = openSync(path, "r+");
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  writeSync(file, byte, 0, 1, position);
  closeSync(file);
}
