import { describe, expect, test } from "vitest";
import { callKafka } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { type ErrorCode, kafkaCode } from "../../../base/errors.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";
import { describeGroupConfigs } from "../../../broker/configs/group-configs.ts";
import { incrementalAlterConfigs } from "./incremental-alter-configs.ts";

type Resource = SentRequestOf<"IncrementalAlterConfigs">["resources"][number];

const topic = 2;
const broker = 4;
const group = 32;
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

type Change = [name: string, operation: keyof typeof operations | number, value: string | null];

const resource = (
  resourceType: number,
  resourceName: string,
  ...changes: readonly Change[]
): Resource => ({
  resourceType,
  resourceName,
  configs: changes.map(([name, operation, value]) => ({
    name,
    configOperation: typeof operation === "number" ? operation : operations[operation],
    value,
  })),
});

async function alter(rig: TopicRig, resources: readonly Resource[], validateOnly = false) {
  const request = { resources, validateOnly };
  const at = { rig, version: 1 };
  const answer = await callKafka("IncrementalAlterConfigs", incrementalAlterConfigs, request, at);
  return answer.responses;
}

async function rigWith(configs: Record<string, string> = {}): Promise<TopicRig> {
  const rig = await openTopicRig();
  const asked = { name: "a", partitions: 2, replicas: 1 };
  await rig.topics.create({ ...asked, configs: new Map(Object.entries(configs)) });
  return rig;
}

const ownConfigs = (rig: TopicRig) => Object.fromEntries(rig.topics.find("a")!.configs);

async function refused(wanted: Resource, code: ErrorCode, message: RegExp): Promise<void> {
  const rig = await rigWith({ "retention.ms": "5" });
  const [answer] = await alter(rig, [wanted]);
  expect(answer).toMatchObject({
    errorCode: kafkaCode(code),
    errorMessage: expect.stringMatching(message),
    resourceType: wanted.resourceType,
    resourceName: wanted.resourceName,
  });
  expect(ownConfigs(rig)).toEqual({ "retention.ms": "5" });
}

describe("IncrementalAlterConfigs of a topic", () => {
  test("sets and deletes; partitions follow at once, and so does a restart", async () => {
    const rig = await rigWith({ "retention.ms": "5", "segment.ms": "6" });
    const changes = resource(
      topic,
      "a",
      ["retention.ms", "set", " 7 "],
      ["segment.ms", "delete", null],
      ["flush.ms", "delete", null],
    );
    expect(await alter(rig, [changes])).toMatchObject([{ errorCode: 0, errorMessage: null }]);
    expect(ownConfigs(rig)).toEqual({ "retention.ms": "7" });
    expect(rig.storage.settings.get("a-1")).toMatchObject({
      "retention.ms": 7,
      "segment.ms": 604_800_000,
    });
    expect(ownConfigs(await rig.restart())).toEqual({ "retention.ms": "7" });
  });

  test("appends what is not there yet, to the default where there is no own value", async () => {
    const rig = await rigWith();
    const append = resource(topic, "a", ["cleanup.policy", "append", "compact, delete"]);
    expect(await alter(rig, [append])).toMatchObject([{ errorCode: 0 }]);
    expect(ownConfigs(rig)).toEqual({ "cleanup.policy": "delete,compact" });
  });

  test("subtracts down to an empty list", async () => {
    const rig = await rigWith({ "cleanup.policy": "compact,delete" });
    const subtract = resource(topic, "a", ["cleanup.policy", "subtract", "delete"]);
    await alter(rig, [subtract]);
    expect(ownConfigs(rig)).toEqual({ "cleanup.policy": "compact" });
    await alter(rig, [resource(topic, "a", ["cleanup.policy", "subtract", "compact,delete"])]);
    expect(rig.topics.find("a")?.settings["cleanup.policy"]).toEqual([]);
  });

  test.each([
    ["an unknown config", ["no.such", "set", "1"], "INVALID_CONFIG", /no\.such/],
    ["a bad value", ["retention.ms", "set", "x"], "INVALID_CONFIG", /whole number/],
    ["a null value", ["retention.ms", "set", null], "INVALID_REQUEST", /Null value/],
    ["an unknown operation", ["retention.ms", 4, "1"], "INVALID_REQUEST", /Unknown operation/],
    ["append to no list", ["retention.ms", "append", "1"], "INVALID_CONFIG", /not LIST/],
    ["subtract from no list", ["retention.ms", "subtract", "1"], "INVALID_CONFIG", /not LIST/],
    ["append to an unknown", ["no.such", "append", "1"], "INVALID_CONFIG", /no\.such/],
    ["a repeated entry", ["cleanup.policy", "set", "delete,delete"], "INVALID_CONFIG", /repeat/],
    ["32768 characters", ["content.type", "set", "x".repeat(32_768)], "INVALID_CONFIG", /long/],
    [
      "what is not there",
      ["remote.storage.enable", "set", "true"],
      "INVALID_CONFIG",
      /no remote tier/,
    ],
    ["lags that cross", ["max.compaction.lag.ms", "set", "1"], "INVALID_CONFIG", /above/],
  ] as [string, Change, ErrorCode, RegExp][])(
    "%s is refused, and with it all changes of the resource",
    async (_, change, code, message) => {
      const lag: Change = ["min.compaction.lag.ms", "set", "2"];
      await refused(resource(topic, "a", lag, change), code, message);
    },
  );

  test("the same config twice is refused", async () => {
    const twice = resource(topic, "a", ["flush.ms", "set", "1"], ["flush.ms", "set", "2"]);
    await refused(twice, "INVALID_REQUEST", /duplicate config keys: flush\.ms/);
  });

  test("the same resource twice is refused once, others are altered", async () => {
    const rig = await rigWith();
    const twice = resource(topic, "a", ["flush.ms", "set", "1"]);
    const other = resource(group, "g", ["consumer.session.timeout.ms", "set", "50000"]);
    const answers = await alter(rig, [twice, other, twice]);
    expect(answers.map(({ resourceName, errorCode }) => [resourceName, errorCode])).toEqual([
      ["a", kafkaCode("INVALID_REQUEST")],
      ["g", 0],
    ]);
    expect(ownConfigs(rig)).toEqual({});
  });

  test("an unknown topic is UNKNOWN_TOPIC_OR_PARTITION", async () => {
    const unknown = resource(topic, "b", ["flush.ms", "set", "1"]);
    await refused(unknown, "UNKNOWN_TOPIC_OR_PARTITION", /no topic b/);
  });

  test("only validated, all is checked and nothing changes", async () => {
    const rig = await rigWith();
    const good = resource(topic, "a", ["flush.ms", "set", "1"]);
    expect(await alter(rig, [good], true)).toMatchObject([{ errorCode: 0 }]);
    const bad = resource(topic, "a", ["flush.ms", "set", "x"]);
    const invalid = kafkaCode("INVALID_CONFIG");
    expect(await alter(rig, [bad], true)).toMatchObject([{ errorCode: invalid }]);
    expect(ownConfigs(rig)).toEqual({});
  });

  test("changes that come at once all count", async () => {
    const rig = await rigWith();
    const names = ["flush.ms", "segment.ms", "retention.ms", "retention.bytes"];
    await Promise.all(names.map((name) => alter(rig, [resource(topic, "a", [name, "set", "9"])])));
    expect(Object.keys(ownConfigs(rig)).sort()).toEqual(names.sort());
  });
});

describe("IncrementalAlterConfigs of a broker", () => {
  test("a default of all nodes reaches topics that set nothing, also after a restart", async () => {
    const rig = await rigWith({ "segment.ms": "6" });
    const changes = resource(
      broker,
      "",
      ["log.retention.ms", "set", "7"],
      ["log.roll.ms", "set", "8"],
    );
    expect(await alter(rig, [changes])).toMatchObject([{ errorCode: 0 }]);
    const expected = { "retention.ms": 7, "segment.ms": 6 };
    expect(rig.storage.settings.get("a-0")).toMatchObject(expected);
    expect(rig.configs.settings["log.roll.ms"]).toBe(8);
    const again = await rig.restart();
    expect(again.topics.find("a")?.settings).toMatchObject(expected);
  });

  test("this node's own value comes before that of all nodes, and goes back to it", async () => {
    const rig = await rigWith();
    await alter(rig, [resource(broker, "", ["message.max.bytes", "set", "5"])]);
    await alter(rig, [resource(broker, "1", ["message.max.bytes", "set", "6"])]);
    expect(rig.topics.find("a")?.settings["max.message.bytes"]).toBe(6);
    await alter(rig, [resource(broker, "1", ["message.max.bytes", "delete", null])]);
    expect(rig.topics.find("a")?.settings["max.message.bytes"]).toBe(5);
    await alter(rig, [resource(broker, "", ["message.max.bytes", "delete", null])]);
    expect(rig.topics.find("a")?.settings["max.message.bytes"]).toBe(1_048_588);
  });

  const port: Change = ["port", "set", "1"];
  test.each([
    [resource(broker, "1", port), "INVALID_REQUEST", /dynamically: port/],
    [resource(broker, "", ["no.such", "set", "1"]), "INVALID_CONFIG", /no\.such/],
    [resource(broker, "", ["log.roll.ms", "set", "0"]), "INVALID_CONFIG", /at least 1/],
    [resource(broker, "2", ["log.roll.ms", "set", "1"]), "INVALID_REQUEST", /broker id/],
  ] as [Resource, ErrorCode, RegExp][])("%j is refused: %s", refused);
});

describe("IncrementalAlterConfigs of a group", () => {
  test("values are kept over a restart and answered with their source", async () => {
    const rig = await openTopicRig();
    const change: Change = ["consumer.heartbeat.interval.ms", "set", "6000"];
    expect(await alter(rig, [resource(group, "a/b ü", change)])).toMatchObject([{ errorCode: 0 }]);
    const { configs } = await rig.restart();
    const [kept] = describeGroupConfigs("a/b ü", configs).filter(
      ({ source }) => source === "group",
    );
    expect(kept).toMatchObject({ name: "consumer.heartbeat.interval.ms", value: "6000" });
  });

  test("the empty name, and unknown configs, are refused", async () => {
    const rig = await openTopicRig();
    const answers = await alter(rig, [
      resource(group, "", ["share.isolation.level", "set", "read_committed"]),
      resource(group, "g", ["share.isolation.levels", "set", "read_committed"]),
      resource(group, "h", ["share.auto.offset.reset", "set", "by_duration:P"]),
      resource(group, "i", ["share.auto.offset.reset", "set", "by_duration:PT1H30M"]),
    ]);
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([
      kafkaCode("INVALID_REQUEST"),
      kafkaCode("INVALID_CONFIG"),
      kafkaCode("INVALID_CONFIG"),
      0,
    ]);
  });
});
