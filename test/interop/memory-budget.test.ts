import { afterAll, beforeAll, expect, test } from "vitest";
import { residentMiB } from "../../bench/process-usage.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { startXylem } from "../support/xylem-process.ts";

const mebibyte = 1_048_576;
const budgetMiB = 64;
/** The budget, and what the collector has not freed yet. */
const growthMiBMax = 2 * budgetMiB;

let broker: BrokerProcess;

beforeAll(async () => {
  broker = await startXylem({ settings: { "memory.budget": `${budgetMiB}MiB` } });
});

afterAll(() => broker.stop());

test("many readers that do not read, and what they ask for, fit in memory.budget", async () => {
  const writer = await RawClient.open(broker.port);
  await writer.createTopic("slow", { configs: { durability: "os" } });
  const batch = batchOf(Array.from({ length: 64 }, () => "x".repeat(1_000)));
  for (let count = 0; count < 400; count += 1) await writer.produce(["slow", 0], batch.slice());
  const before = residentMiB(broker.pid);
  const readers = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(broker.port)));
  for (const reader of readers) {
    reader.connection.pause();
    for (let request = 0; request < 5; request += 1) postFetch(reader);
  }
  let highest = before;
  for (let look = 0; look < 20; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    highest = Math.max(highest, residentMiB(broker.pid));
  }
  expect(highest - before).toBeLessThan(growthMiBMax);
  expect((await writer.fetch(["slow", 0], 0)).errorCode).toBe(0);
  for (const reader of readers) reader.close();
  writer.close();
});

function postFetch(reader: RawClient): void {
  const wanted = { partition: 0, fetchOffset: 0, partitionMaxBytes: mebibyte };
  reader.connection.post("Fetch", 12, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 50 * mebibyte,
    topics: [{ topic: "slow", partitions: [wanted] }],
    forgottenTopicsData: [],
  });
}
