import { describe, expect, test } from "vitest";
import { callKafka, rigClusterId, rigContext } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { kafkaCode } from "../../../base/errors.ts";
import { zeroUuid } from "../../../base/uuid.ts";
import type { RequestOf, SentRequestOf } from "../../../protocol/api-table.ts";
import { metadata } from "./metadata.ts";

type Request = SentRequestOf<"Metadata">;

const ask = (rig: TopicRig, version: number, request: Request) =>
  callKafka("Metadata", metadata, request, { rig, version });
const named = (...names: string[]): Request => ({ topics: names.map((name) => ({ name })) });
const allVersions = Array.from({ length: 14 }, (_, version) => version);
const someId = Uint8Array.from({ length: 16 }, () => 9);

describe("Metadata", () => {
  test.each(allVersions)("version %i tells the node and a topic's partitions", async (version) => {
    const rig = await openTopicRig({ "num.partitions": "2" });
    const topic = await rig.topics.autoCreate("orders");
    const answer = await ask(rig, version, named("orders"));
    expect(answer.brokers).toMatchObject([{ nodeId: 1, host: "10.0.0.1", port: 9092 }]);
    expect(answer.controllerId).toBe(version >= 1 ? 1 : -1);
    expect(answer.clusterId).toBe(version >= 2 ? rigClusterId : null);
    expect(answer.topics).toMatchObject([{ errorCode: 0, name: "orders" }]);
    expect(answer.topics[0]?.topicId).toEqual(version >= 10 ? topic.id : zeroUuid);
    expect(answer.topics[0]?.partitions).toMatchObject([
      { partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] },
      { partitionIndex: 1, leaderId: 1, replicaNodes: [1], isrNodes: [1] },
    ]);
    expect(answer.topics[0]?.partitions[0]?.leaderEpoch).toBe(version >= 7 ? 0 : -1);
  });

  test("null topics are all of them, sorted; in version 0 an empty list is", async () => {
    const rig = await openTopicRig();
    for (const name of ["b", "a", "__consumer_offsets"]) await rig.topics.autoCreate(name);
    const all = await ask(rig, 1, { topics: null });
    const expected = ["__consumer_offsets", "a", "b"];
    expect(all.topics.map(({ name }) => name)).toEqual(expected);
    expect(all.topics.map(({ isInternal }) => isInternal)).toEqual([true, false, false]);
    expect((await ask(rig, 0, { topics: [] })).topics.map(({ name }) => name)).toEqual(expected);
    expect((await ask(rig, 1, { topics: [] })).topics).toEqual([]);
  });

  test("an unknown topic is made on demand: unknown now, there in a later answer", async () => {
    const rig = await openTopicRig();
    const first = await ask(rig, 9, named("new"));
    const unknown = kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
    expect(first.topics).toMatchObject([{ errorCode: unknown, name: "new", partitions: [] }]);
    await expect.poll(() => rig.topics.find("new")?.partitions.length).toBe(1);
    expect((await ask(rig, 9, named("new"))).topics).toMatchObject([{ errorCode: 0 }]);
  });

  test.each([
    ["the node forbids it", {}, { "auto.create.topics.enable": "false" }, 9],
    ["the client forbids it", { allowAutoTopicCreation: false }, {}, 4],
  ])("nothing is made on demand when %s", async (_, request, given, version) => {
    const rig = await openTopicRig(given);
    const answer = await ask(rig, version, { ...named("new"), ...request });
    const unknown = kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
    expect(answer.topics).toMatchObject([{ errorCode: unknown, name: "new" }]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rig.topics.size).toBe(0);
  });

  test("clients before version 4 cannot forbid it", async () => {
    const rig = await openTopicRig();
    await ask(rig, 3, named("new"));
    await expect.poll(() => rig.topics.size).toBe(1);
  });

  test("asking for all topics makes none", async () => {
    const rig = await openTopicRig();
    expect((await ask(rig, 13, { topics: null })).topics).toEqual([]);
    expect(rig.topics.size).toBe(0);
  });

  test("an invalid name, and one that collides, are INVALID_TOPIC_EXCEPTION", async () => {
    const rig = await openTopicRig();
    await rig.topics.autoCreate("a.b");
    const answer = await ask(rig, 13, named("a b", "a_b"));
    const invalid = kafkaCode("INVALID_TOPIC_EXCEPTION");
    expect(answer.topics.map(({ errorCode }) => errorCode)).toEqual([invalid, invalid]);
  });

  test("a name asked for twice is answered once", async () => {
    const rig = await openTopicRig();
    await rig.topics.autoCreate("a");
    expect((await ask(rig, 9, named("a", "a"))).topics.length).toBe(1);
  });

  test("version 12 asks by id; names beside ids do not count", async () => {
    const rig = await openTopicRig();
    const { id } = await rig.topics.autoCreate("a");
    await rig.topics.autoCreate("b");
    const topics = [
      { name: null, topicId: id },
      { name: "b", topicId: zeroUuid },
      { name: null, topicId: someId },
    ];
    expect((await ask(rig, 12, { topics })).topics).toMatchObject([
      { name: "a", errorCode: 0 },
      { name: null, topicId: someId, errorCode: kafkaCode("UNKNOWN_TOPIC_ID"), partitions: [] },
    ]);
  });

  test.each([
    ["by id below version 12", 11, { name: "a", topicId: someId }],
    ["without a name below version 12", 10, { name: null, topicId: zeroUuid }],
    ["by neither name nor id", 12, { name: null, topicId: zeroUuid }],
  ])("a topic %s refuses the request", async (_, version, topic) => {
    const rig = await openTopicRig();
    const request = { topics: [topic] } as unknown as RequestOf<"Metadata">;
    expect(() => metadata(request, rigContext(rig, version))).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST" }),
    );
  });

  test("authorized operations are told when asked for, to everybody all of them", async () => {
    const rig = await openTopicRig();
    await rig.topics.autoCreate("a");
    const operations = {
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    };
    const asked = await ask(rig, 8, { ...named("a"), ...operations });
    expect(asked.topics[0]?.topicAuthorizedOperations).toBe(0b1101_1111_1000);
    expect(asked.clusterAuthorizedOperations).toBe(0b1_1111_1010_0000);
    const notAsked = await ask(rig, 8, named("a"));
    expect(notAsked.topics[0]?.topicAuthorizedOperations).toBe(-2_147_483_648);
    expect(notAsked.clusterAuthorizedOperations).toBe(-2_147_483_648);
  });

  test.each([
    ["PLAINTEXT://example.org:19092", "example.org", 19_092],
    ["example.org:1", "example.org", 1],
    ["PLAINTEXT://[2001:db8::1]:9", "2001:db8::1", 9],
    ["PLAINTEXT://:7", "10.0.0.1", 7],
  ])("advertised.listeners=%s is where clients are sent", async (listener, host, port) => {
    const rig = await openTopicRig({ "advertised.listeners": listener });
    const { brokers } = await ask(rig, 9, named());
    expect(brokers).toMatchObject([{ host, port }]);
  });
});
