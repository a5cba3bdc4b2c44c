import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { isLongRun } from "../support/repository.ts";
import { waitUntil } from "../support/wait-until.ts";
import { kafkajsCodecs, KafkajsClient } from "./node-clients/kafkajs-client.ts";
import type { NodeClient, ReceivedRecord } from "./node-clients/node-client.ts";
import { PlatformaticClient, platformaticCodecs } from "./node-clients/platformatic-client.ts";

const libraries = [
  { name: "kafkajs", Client: KafkajsClient, codecs: kafkajsCodecs },
  { name: "platformatic", Client: PlatformaticClient, codecs: platformaticCodecs },
];

describe.each(libraries)("$name", ({ name, Client, codecs }) => {
  let broker: BrokerProcess;
  let client: NodeClient;
  const topicOf = (purpose: string): string => `${name}-${purpose}`;

  beforeAll(async () => {
    broker = await startBroker();
    client = new Client(broker.bootstrap);
  });

  afterAll(async () => {
    await client.close();
    await broker.stop();
  });

  test("topics are created, listed, configured and deleted", async () => {
    const topic = topicOf("admin");
    await client.createTopic(topic, 3, { "retention.ms": "7200000" });
    expect(await client.listTopics()).toContain(topic);
    expect(await client.findConfig(topic, "retention.ms")).toBe("7200000");
    await client.changeConfig(topic, "retention.ms", "3600000");
    await waitUntil("the new value shows", async () => {
      return (await client.findConfig(topic, "retention.ms")) === "3600000";
    });
    await client.deleteTopic(topic);
    await waitUntil("the topic is gone", async () => !(await client.listTopics()).includes(topic));
  });

  test("key, value and headers come back, in order, from a topic made by writing", async () => {
    const topic = topicOf("fields");
    const sent = Array.from({ length: 100 }, (_, index) => ({
      key: `key-${index}`,
      value: `value-${index} é ✓`,
      headers: { trace: `${index}`, empty: "" },
      partition: 0,
    }));
    await client.send(topic, sent);
    const read = await client.readFrom(topic, { partition: 0, offset: 0, count: 100 });
    const expected = sent.map((record, offset) => ({ ...record, offset }));
    expect(read).toEqual(expected);
  });

  test("a key's records land in one partition, in the order in which they were sent", async () => {
    const topic = topicOf("keyed");
    await client.createTopic(topic, 3);
    const values = Array.from({ length: 90 }, (_, index) => ({
      key: `key-${index % 9}`,
      value: `${index}`,
    }));
    for (const record of values) await client.send(topic, [record]);
    const seen: ReceivedRecord[] = [];
    const onRecord = (record: ReceivedRecord): void => void seen.push(record);
    const member = await client.join({ groupId: topicOf("keyed-readers"), topic, onRecord });
    await waitUntil("all are read", () => seen.length >= values.length);
    await member.leave();
    expect(new Set(seen.map((record) => record.partition)).size).toBeGreaterThan(1);
    for (let key = 0; key < 9; key += 1) {
      const mine = seen.filter((record) => record.key === `key-${key}`);
      expect(new Set(mine.map((record) => record.partition)).size).toBe(1);
      const expected = values.filter((record) => record.key === `key-${key}`);
      expect(mine.map((record) => record.value)).toEqual(expected.map((record) => record.value));
    }
  });

  test.each(codecs)("records sent with %s are read back equal", async (codec) => {
    const topic = topicOf(`codec-${codec}`);
    const values = Array.from({ length: 500 }, (_, index) => `${codec} ${index} ${"x".repeat(50)}`);
    const sent = values.map((value) => ({ value, partition: 0 }));
    await client.createTopic(topic, 1);
    await client.send(topic, sent, { codec });
    const read = await client.readFrom(topic, { partition: 0, offset: 0, count: values.length });
    expect(read.map((record) => record.value)).toEqual(values);
  });

  test("seeking reads from the offset asked for", async () => {
    const topic = topicOf("seek");
    await client.createTopic(topic, 1);
    const values = Array.from({ length: 50 }, (_, index) => `v${index}`);
    for (const value of values) await client.send(topic, [{ value, partition: 0 }]);
    const read = await client.readFrom(topic, { partition: 0, offset: 20, count: 10 });
    expect(read.map((record) => record.value)).toEqual(values.slice(20, 30));
  });

  test("an idempotent producer's records arrive once and in order", async () => {
    const topic = topicOf("idempotent");
    await client.createTopic(topic, 1);
    const values = Array.from({ length: 200 }, (_, index) => `v${index}`);
    for (const value of values) {
      await client.send(topic, [{ value, partition: 0 }], { isIdempotent: true });
    }
    const read = await client.readFrom(topic, { partition: 0, offset: 0, count: values.length });
    expect(read.map((record) => record.value)).toEqual(values);
  });

  test("members come and go: no partition has two owners, no record is lost", async () => {
    const topic = topicOf("churn");
    const groupId = topicOf("churners");
    const partitions = 6;
    await client.createTopic(topic, partitions);
    const seen = new Set<string>();
    const join = (): Promise<{ leave(): Promise<void> }> =>
      client.join({ groupId, topic, onRecord: (record) => seen.add(record.value) });
    const load = startLoad(client, topic, partitions);
    const first = await join();
    const [second, third] = await Promise.all([join(), join()]);
    await expectOwners(client, groupId, { members: 3, partitions });
    await second.leave();
    await expectOwners(client, groupId, { members: 2, partitions });
    const fourth = await join();
    await expectOwners(client, groupId, { members: 3, partitions });
    await Promise.all([first.leave(), fourth.leave()]);
    await expectOwners(client, groupId, { members: 1, partitions });
    const sent = await load.stop();
    await waitUntil("all records are seen", () => sent.every((value) => seen.has(value)));
    const committed = async (): Promise<number> => {
      let sum = 0;
      for (let partition = 0; partition < partitions; partition += 1) {
        sum += await client.committedOffset(groupId, topic, partition);
      }
      return sum;
    };
    // Clients commit a little after they hand records on, and may leave before.
    await waitUntil("all records are committed", async () => (await committed()) === sent.length);
    await third.leave();
    expect(await committed()).toBe(sent.length);
  });

  test("a group goes on after the broker restarted, and starts where it stopped", async () => {
    const topic = topicOf("restart");
    const groupId = topicOf("resumers");
    await client.createTopic(topic, 1);
    const seen: ReceivedRecord[] = [];
    const onRecord = (record: ReceivedRecord): void => void seen.push(record);
    const member = await client.join({ groupId, topic, onRecord });
    await client.send(topic, valuesOf("before", 20));
    await waitUntil("what was sent before is read", () => seen.length >= 20);
    await broker.restart();
    await client.send(topic, valuesOf("after", 20));
    await waitUntil("what was sent after is read", () => valuesSeen(seen).has("after-19"));
    // A client that leaves right after a restart may let its last commit go.
    await waitUntil("what was read is committed", async () => {
      return (await client.committedOffset(groupId, topic, 0)) === 40;
    });
    await member.leave();
    expect(valuesSeen(seen).size).toBe(40);
    await client.send(topic, valuesOf("last", 5));
    const next: ReceivedRecord[] = [];
    const push = (record: ReceivedRecord): void => void next.push(record);
    const successor = await client.join({ groupId, topic, onRecord: push });
    await waitUntil("the successor reads on", () => next.length >= 5);
    await successor.leave();
    expect(next.map((record) => record.offset)).toEqual([40, 41, 42, 43, 44]);
  });
});

function valuesOf(prefix: string, count: number): { value: string; partition: number }[] {
  return Array.from({ length: count }, (_, index) => ({
    value: `${prefix}-${index}`,
    partition: 0,
  }));
}

function valuesSeen(records: readonly ReceivedRecord[]): Set<string> {
  return new Set(records.map((record) => record.value));
}

interface Load {
  /** Stops sending; answers all values that were acknowledged. */
  stop(): Promise<string[]>;
}

/** Sends small batches to all partitions until it is stopped. */
function startLoad(client: NodeClient, topic: string, partitions: number): Load {
  const acknowledged: string[] = [];
  const batchesMax = isLongRun ? 5_000 : 500;
  let isStopping = false;
  const sending = (async () => {
    for (let batch = 0; batch < batchesMax && !isStopping; batch += 1) {
      const records = Array.from({ length: 10 }, (_, index) => ({
        value: `load-${batch}-${index}`,
        partition: (batch * 10 + index) % partitions,
      }));
      await client.send(topic, records, { isIdempotent: true });
      acknowledged.push(...records.map((record) => record.value));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    async stop() {
      isStopping = true;
      await sending;
      return acknowledged;
    },
  };
}

/**
 * Waits for a stable group of that many members, looking at every state on the way: at no time
 * does the broker describe a stable group in which a partition has two owners.
 */
async function expectOwners(
  client: NodeClient,
  groupId: string,
  expected: { readonly members: number; readonly partitions: number },
): Promise<void> {
  await waitUntil(`${expected.members} members share the partitions`, async () => {
    const { state, owned } = await client.describeGroup(groupId);
    if (state.toUpperCase() !== "STABLE") return false;
    const all = [...owned.values()].flat();
    expect(new Set(all).size, "each partition has one owner").toBe(all.length);
    return owned.size === expected.members && all.length === expected.partitions;
  });
}
