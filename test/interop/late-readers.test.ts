import { afterAll, beforeAll, expect, test } from "vitest";
import { crc32c } from "../../src/codecs/native-crc32c.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchesOf, batchOf, RawClient } from "../support/raw-client.ts";
import { startXylem } from "../support/xylem-process.ts";

let broker: BrokerProcess;

beforeAll(async () => {
  broker = await startXylem({ settings: { "log.tail.cache.max.bytes": String(4 * 1_048_576) } });
});

afterAll(() => broker.stop());

async function fill(client: RawClient, count: number, from: number): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    await client.produce(["late", 0], batchOf([String(index).padEnd(30_000, String(index))]));
  }
}

// Memory of the newest records is used again for newer ones: not while somebody has yet to take it.
test("answers taken late hold what was asked for, whatever came since", async () => {
  const writer = await RawClient.open(broker.port);
  await writer.createTopic("late", { configs: { durability: "os" } });
  await fill(writer, 40, 0);
  const reader = await RawClient.open(broker.port);
  reader.connection.pause();
  const answers = Array.from({ length: 12 }, (_, index) => reader.fetch(["late", 0], index * 2));
  await fill(writer, 400, 40);
  reader.connection.resume();
  for (const [index, { errorCode, records }] of (await Promise.all(answers)).entries()) {
    expect(errorCode).toBe(0);
    const batches = batchesOf(records);
    expect(batches.length).toBeGreaterThan(10);
    expect(batches[0]?.baseOffset).toBe(index * 2);
    for (const batch of batches) expect(batch.isCrcValid(crc32c)).toBe(true);
  }
  writer.close();
  reader.close();
});
