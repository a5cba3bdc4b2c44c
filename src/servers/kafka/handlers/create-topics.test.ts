import { describe, expect, test } from "vitest";
import { callKafka } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { type ErrorCode, kafkaCode } from "../../../base/errors.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";
import { createTopics } from "./create-topics.ts";

type Wanted = SentRequestOf<"CreateTopics">["topics"][number];

const wanted = (name: string, more: Partial<Wanted> = {}): Wanted => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more,
});

async function create(
  rig: TopicRig,
  topics: readonly Wanted[],
  options: { version?: number; validateOnly?: boolean } = {},
) {
  const { version = 7, validateOnly = false } = options;
  const answer = await callKafka(
    "CreateTopics",
    createTopics,
    { topics, validateOnly },
    {
      rig,
      version,
    },
  );
  return answer.topics;
}

async function refused(topic: Wanted, code: ErrorCode, message?: string): Promise<void> {
  const rig = await openTopicRig();
  const [answer] = await create(rig, [topic]);
  expect(answer).toMatchObject({ name: topic.name, errorCode: kafkaCode(code) });
  expect(answer?.errorMessage).toMatch(message ?? /./);
  expect(rig.topics.size).toBe(0);
}

describe("CreateTopics", () => {
  test.each([2, 3, 4, 5, 6, 7])("version %i makes a topic and says so", async (version) => {
    const rig = await openTopicRig();
    const [answer] = await create(rig, [wanted("orders", { numPartitions: 2 })], { version });
    expect(answer).toMatchObject({ name: "orders", errorCode: 0, errorMessage: null });
    expect(rig.topics.find("orders")?.partitions.length).toBe(2);
  });

  test("from version 5 the answer tells partitions, replicas and every config", async () => {
    const rig = await openTopicRig({ "log.retention.ms": "5" });
    const configs = [{ name: "segment.bytes", value: "1048576" }];
    const [answer] = await create(rig, [wanted("orders", { numPartitions: 2, configs })]);
    expect(answer).toMatchObject({ numPartitions: 2, replicationFactor: 1 });
    expect(answer?.topicId).toEqual(rig.topics.find("orders")?.id);
    const told = new Map(answer?.configs?.map((config) => [config.name, config]));
    expect(told.get("segment.bytes")).toMatchObject({ value: "1048576", configSource: 1 });
    expect(told.get("retention.ms")).toMatchObject({ value: "5", configSource: 4 });
    expect(told.get("cleanup.policy")).toMatchObject({ value: "delete", configSource: 5 });
    expect([...told.keys()]).toEqual([...told.keys()].sort());
    expect(told.has("internal.segment.bytes")).toBe(false);
  });

  test("-1 takes the node's partitions and replicas", async () => {
    const rig = await openTopicRig({ "num.partitions": "6" });
    const topic = wanted("orders", { numPartitions: -1, replicationFactor: -1 });
    const [answer] = await create(rig, [topic]);
    expect(answer).toMatchObject({ errorCode: 0, numPartitions: 6, replicationFactor: 1 });
  });

  test("a name twice in the request is refused once, the others are made", async () => {
    const rig = await openTopicRig();
    const answers = await create(rig, [wanted("a"), wanted("b"), wanted("a")]);
    expect(answers.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["a", kafkaCode("INVALID_REQUEST")],
      ["b", 0],
    ]);
    expect(rig.topics.list().map(({ name }) => name)).toEqual(["b"]);
  });

  test("more than 10,000 partitions in one request refuse all of it", async () => {
    const rig = await openTopicRig();
    const topics = [wanted("a", { numPartitions: 9_999 }), wanted("b", { numPartitions: 2 })];
    const answers = await create(rig, topics);
    const code = kafkaCode("POLICY_VIOLATION");
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([code, code]);
    expect(rig.topics.size).toBe(0);
  });

  test("negative counts do not make room for large ones", async () => {
    const rig = await openTopicRig();
    const topics = [wanted("a", { numPartitions: 10_001 }), wanted("b", { numPartitions: -9_999 })];
    const [answer] = await create(rig, topics);
    expect(answer?.errorCode).toBe(kafkaCode("POLICY_VIOLATION"));
  });

  test("Kafka's metadata log can not be made", async () => {
    await refused(wanted("__cluster_metadata"), "INVALID_REQUEST");
  });

  test("a bad name is refused", async () => {
    await refused(wanted("a b"), "INVALID_TOPIC_EXCEPTION");
  });

  test.each([0, -2])("%i partitions are refused", async (numPartitions) => {
    await refused(wanted("a", { numPartitions }), "INVALID_PARTITIONS");
  });

  test.each([0, -2, 2])("%i replicas are refused on one node", async (replicationFactor) => {
    await refused(wanted("a", { replicationFactor }), "INVALID_REPLICATION_FACTOR");
  });

  test("a config without a value is refused", async () => {
    const configs = [{ name: "retention.ms", value: null }];
    await refused(wanted("a", { configs }), "INVALID_CONFIG", "Null value not supported");
  });

  test("an unknown config is refused by name", async () => {
    const configs = [{ name: "retention.mss", value: "1" }];
    await refused(wanted("a", { configs }), "INVALID_CONFIG", "retention.mss");
  });

  test("assignments by hand make that many partitions", async () => {
    const rig = await openTopicRig();
    const assignments = [
      { partitionIndex: 1, brokerIds: [1] },
      { partitionIndex: 0, brokerIds: [1] },
    ];
    const topic = wanted("a", { numPartitions: -1, replicationFactor: -1, assignments });
    expect(await create(rig, [topic])).toMatchObject([{ errorCode: 0, numPartitions: 2 }]);
  });

  test("assignments by hand with a count beside them are refused", async () => {
    const assignments = [{ partitionIndex: 0, brokerIds: [1] }];
    await refused(wanted("a", { assignments, numPartitions: 1 }), "INVALID_REQUEST");
  });

  test.each([
    ["a gap", [{ partitionIndex: 1, brokerIds: [1] }]],
    [
      "a repeated partition",
      [
        { partitionIndex: 0, brokerIds: [1] },
        { partitionIndex: 0, brokerIds: [1] },
      ],
    ],
    ["no replicas", [{ partitionIndex: 0, brokerIds: [] }]],
    ["a repeated replica", [{ partitionIndex: 0, brokerIds: [1, 1] }]],
    ["an unknown node", [{ partitionIndex: 0, brokerIds: [2] }]],
    [
      "different counts of replicas",
      [
        { partitionIndex: 0, brokerIds: [1] },
        { partitionIndex: 1, brokerIds: [1, 2] },
      ],
    ],
  ])("assignments by hand with %s are refused", async (_, assignments) => {
    const topic = wanted("a", { numPartitions: -1, replicationFactor: -1, assignments });
    await refused(topic, "INVALID_REPLICA_ASSIGNMENT");
  });

  test("only validated, all is checked and answered as if made, and nothing is", async () => {
    const rig = await openTopicRig();
    const topics = [wanted("a", { numPartitions: 3 }), wanted("b", { numPartitions: 0 })];
    const answers = await create(rig, topics, { validateOnly: true });
    expect(answers).toMatchObject([
      { errorCode: 0, numPartitions: 3 },
      { errorCode: kafkaCode("INVALID_PARTITIONS") },
    ]);
    expect(rig.topics.size).toBe(0);
  });
});
