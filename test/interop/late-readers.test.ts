import { afterEach, expect, test } from "vitest";
import { crc32c } from "../../src/codecs/native-crc32c.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchesOf, batchOf, RawClient } from "../support/raw-client.ts";
import { startXylem } from "../support/xylem-process.ts";

let broker: BrokerProcess;

afterEach(() => broker.stop());

async function fill(client: RawClient, count: number, from: number): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    await client.produce(["late", 0], batchOf([String(index).padEnd(30_000, String(index))]));
  }
}

// The memory that records were read to or kept in is used again: not while somebody has yet to
// take them.
test.each([
  ["from memory", 4 * 1_048_576],
  ["from the disk", 0],
])("answers taken late hold what was asked for, whatever came since: %s", async (_, cacheBytes) => {
  broker = await startXylem({ settings: { "log.tail.cache.max.bytes": String(cacheBytes) } });
  const writer = await RawClient.open(broker.port);
  await writer.createTopic("late", { configs: { durability: "os" } });
  await fill(writer, 40, 0);
  const reader = await RawClient.open(broker.port);
  reader.connection.pause();
  const answers = Array.from({ length: 12 }, (_none, index) =>
    reader.fetch(["late", 0], 2 * index),
  );
  await fill(writer, 400, 40);
  for (let offset = 40; offset < 400; offset += 9) await writer.fetch(["late", 0], offset);
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
