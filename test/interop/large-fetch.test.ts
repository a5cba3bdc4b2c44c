import { afterAll, beforeAll, expect, test } from "vitest";
import { residentMiB } from "../../bench/process-usage.ts";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { batchesOf, batchOf, RawClient } from "../support/raw-client.ts";
import { isLongRun } from "../support/repository.ts";

const batchBytes = 1_000_000;
const totalMiB = isLongRun ? 1_024 : 128;
/** More than the tail cache, less than a tenth of what a long run fetches. */
const growthMiBMax = 200;

let broker: BrokerProcess;

beforeAll(async () => {
  broker = await startBroker();
});

afterAll(() => broker.stop());

test(`fetching ${totalMiB} MiB keeps the broker's memory flat`, { timeout: 600_000 }, async () => {
  const client = await RawClient.open(broker.port);
  await client.createTopic("large");
  const batch = batchOf([{ value: new Uint8Array(batchBytes) }]);
  const batches = Math.ceil((totalMiB * 1_048_576) / batch.length);
  for (let sent = 0; sent < batches; sent += 8) {
    const some = Array.from({ length: Math.min(8, batches - sent) }, () => batch.slice());
    await Promise.all(some.map((each) => client.produce(["large", 0], each)));
  }
  const before = residentMiB(broker.pid);
  let highest = before;
  let next = 0;
  while (next < batches) {
    const { errorCode, records } = await client.fetch(["large", 0], next, {
      sizeBytesMax: 50 * 1_048_576,
    });
    expect(errorCode).toBe(0);
    next = batchesOf(records).at(-1)?.nextOffset ?? next;
    highest = Math.max(highest, residentMiB(broker.pid));
  }
  client.close();
  expect(next).toBe(batches);
  expect(highest - before).toBeLessThan(growthMiBMax);
});

test("answers that many connections ask for and do not read stay bounded", async () => {
  const before = residentMiB(broker.pid);
  const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(broker.port)));
  for (const client of clients) {
    client.connection.pause();
    for (let request = 0; request < 20; request += 1) postLargeFetch(client);
  }
  let highest = before;
  for (let look = 0; look < 20; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    highest = Math.max(highest, residentMiB(broker.pid));
  }
  for (const client of clients) client.close();
  expect(highest - before).toBeLessThan(1_000);
  const neighbour = await RawClient.open(broker.port);
  expect((await neighbour.listOffset(["large", 0], -2)).offset).toBe(0);
  neighbour.close();
});

function postLargeFetch(client: RawClient): void {
  const wanted = { partition: 0, fetchOffset: 0, partitionMaxBytes: 50 * 1_048_576 };
  client.connection.post("Fetch", 12, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 50 * 1_048_576,
    topics: [{ topic: "large", partitions: [wanted] }],
    forgottenTopicsData: [],
  });
}
