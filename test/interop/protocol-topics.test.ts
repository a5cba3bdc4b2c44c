import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";

let broker: BrokerProcess;
let client: RawClient;

beforeAll(async () => {
  broker = await startBroker();
  client = await RawClient.open(broker.port);
});

afterAll(async () => {
  client.close();
  await broker.stop();
});

/** Names of all topics, as Metadata tells them. */
async function listTopics(): Promise<(string | null)[]> {
  const { topics } = await client.connection.request("Metadata", 12, { topics: null });
  return topics.map((topic) => topic.name);
}

/** The value of a topic's setting and where it comes from. */
async function describeConfig(topic: string, name: string) {
  const resource = { resourceType: 2, resourceName: topic, configurationKeys: [name] };
  const body = { resources: [resource], includeSynonyms: true };
  const { results } = await client.connection.request("DescribeConfigs", 4, body);
  return results[0]?.configs[0];
}

test("a created topic is listed and empty; creating it again says that it exists", async () => {
  expect((await client.createTopic("t-created")).errorCode).toBe(0);
  expect(await listTopics()).toContain("t-created");
  expect((await client.listOffset(["t-created", 0], -1)).offset).toBe(0);
  const again = await client.createTopic("t-created");
  expect(again.errorCode).toBe(kafkaCode("TOPIC_ALREADY_EXISTS"));
  expect((await client.produce(["t-created", 0], batchOf(["x"]))).baseOffset).toBe(0);
});

test("asking twice that a topic exists leaves its records alone", async () => {
  await client.createTopic("t-ensured");
  await client.produce(["t-ensured", 0], batchOf(["kept"]));
  expect((await client.createTopic("t-ensured")).errorCode).not.toBe(0);
  const records = await client.readAll(["t-ensured", 0]);
  expect(records.map((record) => textOf(record.value))).toEqual(["kept"]);
});

test("asking Metadata for an unknown topic may create it, empty", async () => {
  const body = { topics: [{ name: "t-auto" }], allowAutoTopicCreation: true };
  await client.connection.request("Metadata", 12, body);
  await waitUntil("the topic is there", async () => {
    const { errorCode, partitions } = await client.describeTopic("t-auto");
    return errorCode === 0 && partitions[0]?.errorCode === 0;
  });
  await waitUntil("it takes a record at offset 0", async () => {
    const { errorCode, baseOffset } = await client.produce(["t-auto", 0], batchOf(["x"]));
    return errorCode === 0 && baseOffset === 0;
  });
});

test("the list holds exactly the topics that were made", async () => {
  const before = new Set(await listTopics());
  const made = ["t-list-a", "t-list-b", "t-list-c"];
  for (const topic of made) await client.createTopic(topic);
  const added = (await listTopics()).filter((topic) => !before.has(topic));
  expect(new Set(added)).toEqual(new Set(made));
});

test("seven records make an end offset of seven", async () => {
  await client.createTopic("t-seven");
  await client.produce(["t-seven", 0], batchOf(["1", "2", "3", "4", "5", "6", "7"]));
  expect((await client.listOffset(["t-seven", 0], -1)).offset).toBe(7);
});

test("settings given at creation are told with their source, also after a restart", async () => {
  await client.createTopic("t-settings", { configs: { "retention.ms": "7200000" } });
  const expected = { value: "7200000", configSource: 1, isDefault: false };
  expect(await describeConfig("t-settings", "retention.ms")).toMatchObject({
    value: expected.value,
    configSource: expected.configSource,
  });
  expect(await describeConfig("t-settings", "cleanup.policy")).toMatchObject({
    value: "delete",
    configSource: 5,
  });
  client.close();
  await broker.restart();
  client = await RawClient.open(broker.port);
  await waitUntil("the setting shows again", async () => {
    return (await describeConfig("t-settings", "retention.ms"))?.value === expected.value;
  });
});

test("an unknown setting or a bad value is refused and creates nothing", async () => {
  const code = kafkaCode("INVALID_CONFIG");
  const unknown = await client.createTopic("t-bad-setting", { configs: { "no.such": "1" } });
  expect(unknown.errorCode).toBe(code);
  const bad = await client.createTopic("t-bad-setting", { configs: { "retention.ms": "soon" } });
  expect(bad.errorCode).toBe(code);
  expect(await listTopics()).not.toContain("t-bad-setting");
});

test("a deleted topic is unknown, its files go, and it begins at 0 when made again", async () => {
  await client.createTopic("t-deleted");
  await client.produce(["t-deleted", 0], batchOf(["old"]));
  const folder = join(broker.dataFolder, "t-deleted-0");
  expect(existsSync(folder)).toBe(true);
  expect(await client.deleteTopic("t-deleted")).toBe(0);
  await waitUntil("the topic is unknown", async () => {
    const { errorCode } = await client.fetch(["t-deleted", 0], 0);
    return errorCode === kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
  });
  await waitUntil("its folder is gone", () => !existsSync(folder));
  expect(await listTopics()).not.toContain("t-deleted");
  await client.createTopic("t-deleted");
  expect((await client.produce(["t-deleted", 0], batchOf(["new"]))).baseOffset).toBe(0);
  const records = await client.readAll(["t-deleted", 0]);
  expect(records.map((record) => textOf(record.value))).toEqual(["new"]);
});

const refusedNames = [
  "../escape",
  "a/b",
  "a\0b",
  "with space",
  "[brackets]",
  ".",
  "..",
  "",
  "ü",
  "x".repeat(250),
];

test.each(refusedNames)("the name %j is refused and leaves no file", async (name) => {
  const before = filesOf(broker.dataFolder);
  const refused = await client.createTopic(name);
  expect(refused.errorCode).toBe(kafkaCode("INVALID_TOPIC_EXCEPTION"));
  const body = { topics: [{ name }], allowAutoTopicCreation: true };
  const { topics } = await client.connection.request("Metadata", 12, body);
  expect(topics[0]?.errorCode).toBe(kafkaCode("INVALID_TOPIC_EXCEPTION"));
  expect(filesOf(broker.dataFolder)).toEqual(before);
});

test("a name of 249 characters and one with dots are taken", async () => {
  expect((await client.createTopic("x".repeat(249))).errorCode).toBe(0);
  expect((await client.createTopic("com.acme.orders")).errorCode).toBe(0);
});

test("names that differ only in dot and underscore collide, as in Kafka", async () => {
  await client.createTopic("t.collides");
  const refused = await client.createTopic("t_collides");
  expect(refused.errorCode).toBe(kafkaCode("INVALID_TOPIC_EXCEPTION"));
});

test("three partitions keep their own order and offsets", async () => {
  await client.createTopic("t-three", { partitions: 3 });
  expect((await client.describeTopic("t-three")).partitions).toHaveLength(3);
  for (let round = 0; round < 4; round += 1) {
    for (const index of [0, 1, 2]) {
      const answer = await client.produce(["t-three", index], batchOf([`${index}:${round}`]));
      expect(answer.baseOffset).toBe(round);
    }
  }
  for (const index of [0, 1, 2]) {
    const records = await client.readAll(["t-three", index]);
    const values = records.map((record) => textOf(record.value));
    expect(values).toEqual([0, 1, 2, 3].map((round) => `${index}:${round}`));
  }
});

test("partitions can be added, not taken away", async () => {
  await client.createTopic("t-wider");
  const widen = async (count: number) => {
    const topics = [{ name: "t-wider", count, assignments: null }];
    const body = { topics, timeoutMs: 30_000, validateOnly: false };
    return (await client.connection.request("CreatePartitions", 3, body)).results[0]?.errorCode;
  };
  expect(await widen(4)).toBe(0);
  await waitUntil("four partitions are there", async () => {
    return (await client.describeTopic("t-wider")).partitions.length === 4;
  });
  expect(await widen(2)).toBe(kafkaCode("INVALID_PARTITIONS"));
});

test("metadata names one broker, where it was reached, as leader of every partition", async () => {
  await client.createTopic("t-leader", { partitions: 2 });
  const body = { topics: [{ name: "t-leader" }], allowAutoTopicCreation: false };
  const { brokers, topics, clusterId } = await client.connection.request("Metadata", 12, body);
  expect(brokers).toMatchObject([{ host: broker.host, port: broker.port }]);
  expect(clusterId).toHaveLength(22);
  const nodeId = brokers[0]?.nodeId;
  for (const partition of topics[0]?.partitions ?? []) {
    expect(partition).toMatchObject({
      leaderId: nodeId,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
    });
  }
});

/** Partition folders and files outside them; what Apache Kafka itself rewrites left out. */
function filesOf(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.includes("checkpoint"));
}
