import type { Admin, Kafka } from "kafkajs";
import { afterEach, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { ConsulFake } from "../support/consul-fake.ts";
import { EtcdServer } from "../support/etcd.ts";
import { kafkaAt } from "../support/kafka-at.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { xylem } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

const secret = "not to be guessed by anybody";
const groupId = "readers";
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function makeFolder(): string {
  const folder = makeTemporaryFolder("moved");
  stops.push(() => removeFolder(folder));
  return folder;
}

async function start(
  dataFolder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BrokerProcess> {
  const quick = { "group.initial.rebalance.delay.ms": "0" };
  const node = await startXylem({ dataFolder, settings: { ...quick, ...settings } });
  stops.push(() => node.stop().catch(() => undefined));
  return node;
}

const startIn = (folder: string, coordinator: string, more = {}): Promise<BrokerProcess> =>
  start(folder, { coordinator, "cluster.secret": secret, "cluster.lease.ms": "10000", ...more });

const initFrom = (folder: string, coordinator: string, ...more: string[]) =>
  xylem([
    "cluster",
    "init",
    "--from-local",
    "--coordinator",
    coordinator,
    "--data",
    folder,
    ...more,
  ]);

async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function send(kafka: Kafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (const value of values) {
    await producer.send({ topic, acks: -1, messages: [{ value, partition: 0 }] });
  }
  await producer.disconnect();
}

/** Goes on where the group is, and commits what it read. */
async function readAll(kafka: Kafka, topic: string, count: number): Promise<string[]> {
  const read: string[] = [];
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => Promise.resolve(void read.push(String(message.value))),
  });
  await waitUntil("all are read", () => read.length >= count, 30_000);
  await consumer.stop();
  await consumer.disconnect();
  return read;
}

/** A node by itself with a bit of everything. Answers its cluster id. */
async function fill(folder: string): Promise<string> {
  const node = await start(folder);
  const kafka = kafkaAt(node.bootstrap);
  const clusterId = await withAdmin(kafka, async (admin) => {
    const configEntries = [{ name: "retention.ms", value: "777000000" }];
    const orders = { topic: "orders", numPartitions: 3, configEntries };
    await admin.createTopics({ topics: [orders, { topic: "wide", numPartitions: 200 }] });
    return (await admin.describeCluster()).clusterId;
  });
  const shop = ["create", "shop", "--data", folder, "--config", "retention.ms=86400000"];
  expect((await xylem(["bucket", ...shop])).code).toBe(0);
  await send(kafka, "orders", ["a", "b", "c"]);
  expect(await readAll(kafka, "orders", 3)).toEqual(["a", "b", "c"]);
  expect(await node.terminate()).toBe(0);
  return clusterId;
}

/** The node goes on as one of a cluster, and clients with it. */
async function judge(folder: string, coordinator: string, clusterId: string): Promise<void> {
  const node = await startIn(folder, coordinator);
  const kafka = kafkaAt(node.bootstrap);
  await send(kafka, "orders", ["d", "e"]);
  expect(await readAll(kafka, "orders", 2)).toEqual(["d", "e"]);
  await withAdmin(kafka, async (admin) => {
    expect((await admin.describeCluster()).clusterId).toBe(clusterId);
    const offsets = await admin.fetchTopicOffsets("orders");
    const first = offsets.find(({ partition }) => partition === 0);
    expect(first).toMatchObject({ low: "0", high: "5" });
    const { topics } = await admin.fetchTopicMetadata({ topics: ["wide"] });
    expect(topics[0]?.partitions).toHaveLength(200);
    const resources = [{ type: 2, name: "orders", configNames: ["retention.ms"] }];
    const described = await admin.describeConfigs({ resources, includeSynonyms: false });
    const values = described.resources[0]?.configEntries.map(({ configValue }) => configValue);
    expect(values).toEqual(["777000000"]);
  });
  const buckets = await xylem(["bucket", "list", "--data", folder, "--json"]);
  expect(buckets.stdout).toContain('"shop"');
}

describeWith(["etcd"], "a node by itself", () => {
  test("moves into etcd, once and whole; its clients go on where they were", async () => {
    const [etcd] = (await EtcdServer.startAll(1)) as [EtcdServer];
    stops.push(() => etcd.stop());
    const coordinator = `etcd://${etcd.address}`;
    const folder = makeFolder();
    const clusterId = await fill(folder);
    const unmoved = await startIn(folder, coordinator).catch((error: Error) => error.message);
    expect(unmoved).toContain("xylem cluster init --from-local");
    const moved = await initFrom(folder, coordinator);
    expect(moved.stderr + moved.stdout).toContain("3 topics, 253 partitions");
    expect(moved.code).toBe(0);
    const startLine = `start it with: xylem start --coordinator ${coordinator}`;
    const missing = "--cluster.secret file:<the cluster's secret>";
    expect(moved.stdout).toContain(`${startLine} ${missing} --data ${folder}\n`);
    const again = await initFrom(folder, coordinator);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("already")]);
    const alone = await start(folder).catch((error: Error) => error.message);
    expect(alone).toContain('belongs to cluster "xylem"; start it with the setting coordinator');
    const other = makeFolder();
    await (await start(other)).terminate();
    const second = await initFrom(other, coordinator);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("there already")]);
    // What was refused starts by itself as before.
    await (await start(other)).terminate();
    await judge(folder, coordinator, clusterId);
    // A node without a number is given the next one.
    const joined = await startIn(makeFolder(), coordinator);
    const answer = await fetch(`http://${joined.bootstrap}/v1/cluster`);
    expect(await answer.json()).toMatchObject({ nodeId: 2, clusterId });
    // Its chains of one grow by plan.
    const plan = ["cluster", "commit", "--replicas", "2", "--wait"];
    const grown = await xylem([...plan, "--bootstrap", joined.bootstrap]);
    expect([grown.code, grown.stderr]).toEqual([0, expect.any(String)]);
    const orders = await fetch(`http://${joined.bootstrap}/v1/topics/orders`);
    const { partitions } = (await orders.json()) as { partitions: { chain: number[] }[] };
    const sorted = partitions.map(({ chain }) => chain.toSorted((a, b) => a - b));
    expect(sorted).toEqual(Array(3).fill([1, 2]));
  });
});

test("a node by itself moves into Consul", async () => {
  const consul = await ConsulFake.open();
  stops.push(() => consul.close());
  const coordinator = `consul://127.0.0.1:${consul.port}`;
  const folder = makeFolder();
  const clusterId = await fill(folder);
  expect((await initFrom(folder, coordinator)).code).toBe(0);
  await judge(folder, coordinator, clusterId);
});
