import { describe, expect, test } from "vitest";
import { callKafka } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { kafkaCode } from "../../../base/errors.ts";
import { groupConfigSettings } from "../../../base/settings/group-config-settings.ts";
import { nodeSettings } from "../../../base/settings/node-settings.ts";
import { topicSettings } from "../../../base/settings/topic-settings.ts";
import { changeConfigs } from "../../../broker/configs/alter-resource-configs.ts";
import { describeConfigs } from "./describe-configs.ts";

const topic = 2;
const broker = 4;
const group = 32;
const sources = { topic: 1, dynamicBroker: 2, dynamicDefault: 3, static: 4, default: 5, group: 8 };

async function ask(rig: TopicRig, resourceType: number, resourceName: string, keys?: string[]) {
  const configurationKeys = keys ?? null;
  const request = {
    resources: [{ resourceType, resourceName, configurationKeys }],
    includeSynonyms: true,
    includeDocumentation: true,
  };
  const answer = await callKafka("DescribeConfigs", describeConfigs, request, { rig, version: 4 });
  return answer.results[0]!;
}

async function askOne(rig: TopicRig, type: number, resourceName: string, name: string) {
  const { configs } = await ask(rig, type, resourceName, [name]);
  return configs[0]!;
}

async function rigWith(configs: Record<string, string> = {}, given = {}): Promise<TopicRig> {
  const rig = await openTopicRig(given);
  const asked = { name: "a", partitions: 1, replicas: 1 };
  await rig.topics.create({ ...asked, configs: new Map(Object.entries(configs)) });
  return rig;
}

const setBroker = (rig: TopicRig, resource: string, name: string, value: string) =>
  changeConfigs(rig, { kind: "broker", name: resource }, [{ name, operation: "set", value }], {
    validateOnly: false,
  });

describe("DescribeConfigs of a topic", () => {
  test("lists every topic config that is not internal, with type and documentation", async () => {
    const { configs, errorCode } = await ask(await rigWith(), topic, "a");
    expect(errorCode).toBe(0);
    const names = Object.keys(topicSettings).filter((name) => name !== "internal.segment.bytes");
    expect(configs.map(({ name }) => name)).toEqual(names.sort());
    const types = Object.fromEntries(configs.map(({ name, configType }) => [name, configType]));
    expect(types).toMatchObject({
      "cleanup.policy": 7,
      "compression.type": 2,
      "max.message.bytes": 3,
      "min.cleanable.dirty.ratio": 6,
      preallocate: 1,
      "retention.ms": 5,
    });
    expect(configs.every(({ documentation }) => (documentation ?? "") !== "")).toBe(true);
  });

  test("an internal config is listed once it is set", async () => {
    const rig = await rigWith({ "internal.segment.bytes": "100" });
    expect(await askOne(rig, topic, "a", "internal.segment.bytes")).toMatchObject({ value: "100" });
  });

  test.each([
    ["flush.messages", "9223372036854775807"],
    ["min.cleanable.dirty.ratio", "0.5"],
    ["cleanup.policy", "delete"],
    ["leader.replication.throttled.replicas", ""],
    ["preallocate", "false"],
  ])("%s has the default %j", async (name, value) => {
    const rig = await rigWith();
    const config = await askOne(rig, topic, "a", name);
    expect(config).toMatchObject({ value, configSource: sources.default, readOnly: false });
  });

  test("its own value comes before dynamic, static and default ones, in that order", async () => {
    const rig = await rigWith({ "max.message.bytes": "1" }, { "message.max.bytes": "4" });
    await setBroker(rig, "", "message.max.bytes", "3");
    await setBroker(rig, "1", "message.max.bytes", "2");
    expect(await askOne(rig, topic, "a", "max.message.bytes")).toMatchObject({
      value: "1",
      configSource: sources.topic,
      synonyms: [
        { name: "max.message.bytes", value: "1", source: sources.topic },
        { name: "message.max.bytes", value: "2", source: sources.dynamicBroker },
        { name: "message.max.bytes", value: "3", source: sources.dynamicDefault },
        { name: "message.max.bytes", value: "4", source: sources.static },
        { name: "message.max.bytes", value: "1048588", source: sources.default },
      ],
    });
  });

  test("a value of the node counts where the topic has none", async () => {
    const rig = await rigWith({}, { "message.max.bytes": "4" });
    const config = () => askOne(rig, topic, "a", "max.message.bytes");
    expect(await config()).toMatchObject({ value: "4", configSource: sources.static });
    await setBroker(rig, "", "message.max.bytes", "3");
    expect(await config()).toMatchObject({ value: "3", configSource: sources.dynamicDefault });
    await setBroker(rig, "1", "message.max.bytes", "2");
    expect(await config()).toMatchObject({ value: "2", configSource: sources.dynamicBroker });
    expect(rig.storage.settings.get("a-0")?.["max.message.bytes"]).toBe(2);
  });

  test("retention.ms has no synonyms when nothing, or only hours, is set", async () => {
    const plain = { value: "604800000", configSource: sources.default, synonyms: [] };
    expect(await askOne(await rigWith(), topic, "a", "retention.ms")).toMatchObject(plain);
    const rig = await rigWith({}, { "log.retention.hours": "1" });
    const hours = { value: "3600000", configSource: sources.default, synonyms: [] };
    expect(await askOne(rig, topic, "a", "retention.ms")).toMatchObject(hours);
  });

  test("retention.ms with the node's log.retention.ms lists it and what lies below", async () => {
    const rig = await rigWith({}, { "log.retention.ms": "5", "log.retention.minutes": "7" });
    expect(await askOne(rig, topic, "a", "retention.ms")).toMatchObject({
      value: "5",
      configSource: sources.static,
      synonyms: [
        { name: "log.retention.ms", value: "5", source: sources.static },
        { name: "log.retention.minutes", value: "7", source: sources.static },
        { name: "log.retention.hours", value: "168", source: sources.default },
      ],
    });
  });

  test("minutes count when log.retention.ms is unset; -1 hours is no bound", async () => {
    const minutes = await rigWith({}, { "log.retention.minutes": "2" });
    expect(minutes.topics.find("a")?.settings["retention.ms"]).toBe(120_000);
    const hours = await rigWith({}, { "log.retention.hours": "-1" });
    expect(hours.topics.find("a")?.settings["retention.ms"]).toBe(-1);
  });

  test("names that are asked for and unknown are left out", async () => {
    const { configs } = await ask(await rigWith(), topic, "a", ["retention.ms", "no.such"]);
    expect(configs.map(({ name }) => name)).toEqual(["retention.ms"]);
  });

  test("an unknown topic, and a bad name, are errors of their resource", async () => {
    const rig = await rigWith();
    const unknown = { errorCode: kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"), configs: [] };
    expect(await ask(rig, topic, "b")).toMatchObject(unknown);
    const invalid = { errorCode: kafkaCode("INVALID_TOPIC_EXCEPTION"), configs: [] };
    expect(await ask(rig, topic, "a b")).toMatchObject(invalid);
  });

  test.each([1, 2, 3, 4])("version %i carries value, source and synonyms", async (version) => {
    const rig = await rigWith({ "retention.ms": "5" });
    const configurationKeys = ["retention.ms"];
    const resources = [{ resourceType: topic, resourceName: "a", configurationKeys }];
    const at = { rig, version };
    const { results } = await callKafka("DescribeConfigs", describeConfigs, { resources }, at);
    expect(results[0]?.configs).toMatchObject([
      { name: "retention.ms", value: "5", configSource: sources.topic, synonyms: [] },
    ]);
  });
});

describe("DescribeConfigs of a broker", () => {
  test("lists every setting of the node, and what Kafka's tools look for", async () => {
    const rig = await openTopicRig({ port: "9192" });
    const { configs } = await ask(rig, broker, "1");
    const names = configs.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(nodeSettings)));
    expect(names).toEqual(expect.arrayContaining(["listeners", "log.dirs", "process.roles"]));
    expect(new Set(names).size).toBe(names.length);
    const values = Object.fromEntries(configs.map(({ name, value }) => [name, value]));
    expect(values["delete.topic.enable"]).toBe("true");
    expect(values["listeners"]).toBe("PLAINTEXT://127.0.0.1:9192");
    expect(values["broker.id"]).toBe("1");
  });

  test("only what changes while the node runs is not read-only", async () => {
    const { configs } = await ask(await openTopicRig(), broker, "1");
    const writable = configs.filter(({ readOnly }) => !readOnly).map(({ name }) => name);
    expect(writable).toContain("log.retention.ms");
    expect(writable).not.toContain("port");
    expect(writable).not.toContain("log.retention.hours");
  });

  test("values tell where they come from", async () => {
    const rig = await openTopicRig({ "num.partitions": "3" });
    const partitions = { value: "3", configSource: sources.static };
    expect(await askOne(rig, broker, "1", "num.partitions")).toMatchObject(partitions);
    const unset = { value: null, configSource: sources.default, synonyms: [] };
    expect(await askOne(rig, broker, "1", "log.retention.ms")).toMatchObject(unset);
    const hours = [{ name: "log.retention.hours", value: "168", source: sources.default }];
    expect(await askOne(rig, broker, "1", "log.retention.hours")).toMatchObject({
      synonyms: hours,
    });
  });

  test("the empty name lists the dynamic defaults that are set, nothing else", async () => {
    const rig = await openTopicRig();
    await setBroker(rig, "", "log.retention.ms", "5");
    await setBroker(rig, "1", "log.retention.ms", "6");
    await setBroker(rig, "1", "log.segment.bytes", "2000000");
    const { configs } = await ask(rig, broker, "");
    expect(configs).toMatchObject([
      { name: "log.retention.ms", value: "5", configSource: sources.dynamicDefault },
    ]);
    expect(configs[0]?.synonyms.map(({ source }) => source)).not.toContain(sources.dynamicBroker);
  });

  test.each(["2", "x", "01"])("the name %j is no node of this cluster", async (name) => {
    const invalid = { errorCode: kafkaCode("INVALID_REQUEST") };
    expect(await ask(await openTopicRig(), broker, name)).toMatchObject(invalid);
  });
});

test("a group's configs are listed whether or not it exists", async () => {
  const { configs, errorCode } = await ask(await openTopicRig(), group, "readers");
  expect(errorCode).toBe(0);
  expect(configs.map(({ name }) => name)).toEqual(Object.keys(groupConfigSettings));
  expect(configs.every(({ configSource }) => configSource === sources.default)).toBe(true);
});

test("what a group does not say of itself is as the node has it", async () => {
  const rig = await openTopicRig({ "group.consumer.session.timeout.ms": "9000" });
  const { configs } = await ask(rig, group, "readers");
  const found = configs.find(({ name }) => name === "consumer.session.timeout.ms");
  expect(found).toMatchObject({ value: "9000", configSource: sources.static });
});

test.each([0, 1, 8, 16, 99])("resources of type %i have no configs here", async (type) => {
  const invalid = { errorCode: kafkaCode("INVALID_REQUEST"), resourceType: type };
  expect(await ask(await openTopicRig(), type, "1")).toMatchObject(invalid);
});
