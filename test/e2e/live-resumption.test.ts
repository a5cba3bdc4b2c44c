import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import {
  type Connect,
  LiveFollower,
  overEvents,
  overSocket,
  type SeenRecord,
} from "../support/live-follower.ts";
import { RawClient, recordsOf } from "../support/raw-client.ts";
import { isLongRun } from "../support/repository.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startXylem } from "../support/xylem-process.ts";

const partitions = 3;
const stepCount = isLongRun ? 600 : 60;
const seed = isLongRun ? Date.now() % 1_000_000 : 53;

let broker: BrokerProcess;
let url: string;

beforeAll(async () => {
  // Little memory and small segments: who was away reads from the disk.
  const settings = { "log.tail.cache.max.bytes": "20000", "log.tail.cache.records": "1" };
  broker = await startXylem({ settings });
  url = `http://${broker.bootstrap}`;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ partitions, configs: { "segment.records": 50 } });
  const made = await fetch(`${url}/v1/topics/orders`, { method: "PUT", headers, body });
  expect(made.status).toBe(201);
});
afterAll(() => broker.stop());

let valueCount = 0;

/** What fails with the broker may be in the log or not: the readers are judged by the log. */
async function append(random: SeededRandom): Promise<void> {
  const records = Array.from({ length: 1 + (random.nextUint32() % 20) }, () => {
    const number = (valueCount += 1);
    const filler = "x".repeat(random.nextUint32() % 500);
    return { value: { number, even: number % 2 === 0, filler } };
  });
  const partition = random.nextUint32() % partitions;
  const headers = { "content-type": "application/vnd.xylem.records+json" };
  const body = JSON.stringify({ records });
  const path = `${url}/v1/topics/orders/records?partition=${partition}`;
  await fetch(path, { method: "POST", headers, body }).then(
    (answer) => answer.text(),
    () => undefined,
  );
}

async function disturb(random: SeededRandom, followers: readonly LiveFollower[]): Promise<void> {
  const chance = random.nextUint32() % 100;
  if (chance < 30) followers[random.nextUint32() % followers.length]?.cut();
  else if (chance < 33) await broker.restart();
  else if (chance < 36) {
    await broker.kill();
    await broker.restart();
  } else if (chance < 50) await new Promise((resolve) => setTimeout(resolve, chance));
}

type Seen = readonly [partition: number, offset: number, value: unknown];

const bySequence = (records: readonly SeenRecord[]): readonly (readonly Seen[])[] =>
  Array.from({ length: partitions }, (_, wanted) =>
    records
      .filter(({ partition }) => partition === wanted)
      .map(({ partition, offset, value }) => [partition, offset, value] as const),
  );

/** The same topic as the Kafka door gives it. */
async function readByKafka(): Promise<SeenRecord[]> {
  const client = await RawClient.open(broker.port);
  const records: SeenRecord[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (let offset = 0; ;) {
      const fetched = recordsOf((await client.fetch(["orders", partition], offset)).records);
      const later = fetched.filter((record) => record.offset >= offset);
      if (later.length === 0) break;
      for (const { offset: at, value } of later) {
        const text = Buffer.from(value ?? []).toString();
        records.push({ partition, offset: at, value: JSON.parse(text) as unknown });
        offset = at + 1;
      }
    }
  }
  client.close();
  return records;
}

const isEven = ({ value }: SeenRecord): boolean => (value as { even: boolean }).even;

test(`over cuts and crashes followers see what a Kafka client reads (seed ${seed})`, async () => {
  const random = new SeededRandom(seed);
  const filter = { "json./even": "true" };
  const connects: readonly Connect[] = [
    overEvents(url, "topic=orders&from=earliest"),
    overEvents(url, "topic=orders:0&topic=orders:1:0&topic=orders:2&from=earliest&json./even=true"),
    overSocket(url, { topics: ["orders"], from: "earliest" }),
    overSocket(url, { topics: ["orders"], from: "earliest", filter }),
  ];
  const followers = connects.map((connect) => new LiveFollower(connect));
  for (let step = 0; step < stepCount; step++) {
    await append(random);
    await disturb(random, followers);
  }
  const all = await readByKafka();
  const even = all.filter(isEven);
  expect(all.length).toBeGreaterThan(stepCount);
  for (const [at, follower] of followers.entries()) {
    const expected = at % 2 === 0 ? all : even;
    const isThere = () => Promise.resolve(follower.records.length >= expected.length);
    await waitUntil(`follower ${at} has ${expected.length} records`, isThere, 20_000).catch(
      (error: unknown) => {
        const { records, lastError } = follower;
        throw new Error(`it has ${records.length}: ${String(lastError)}`, { cause: error });
      },
    );
    expect(bySequence(follower.records)).toEqual(bySequence(expected));
    expect(follower.connectCount).toBeGreaterThan(2);
    await follower.stop();
  }
});
