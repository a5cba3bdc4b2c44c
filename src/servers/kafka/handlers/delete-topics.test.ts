import { describe, expect, test } from "vitest";
import { callKafka, rigContext } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { kafkaCode } from "../../../base/errors.ts";
import { zeroUuid } from "../../../base/uuid.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";
import { deleteTopics } from "./delete-topics.ts";

type Wanted = SentRequestOf<"DeleteTopics">["topics"];

const timeoutMs = 1_000;
const someId = Uint8Array.from({ length: 16 }, () => 9);

async function rigWith(names: readonly string[], given = {}): Promise<TopicRig> {
  const rig = await openTopicRig(given);
  for (const name of names) await rig.topics.autoCreate(name);
  return rig;
}

async function codes(rig: TopicRig, topics: Wanted): Promise<unknown[]> {
  const request = { topics, timeoutMs };
  const answer = await callKafka("DeleteTopics", deleteTopics, request, { rig, version: 6 });
  return answer.responses.map(({ name, errorCode }) => [name, errorCode]);
}

describe("DeleteTopics", () => {
  test.each([1, 2, 3, 4, 5])("version %i deletes by name", async (version) => {
    const rig = await rigWith(["a", "b"]);
    const request = { topics: [], topicNames: ["a", "nothing"], timeoutMs };
    const { responses } = await callKafka("DeleteTopics", deleteTopics, request, { rig, version });
    expect(responses).toMatchObject([
      { name: "a", errorCode: 0 },
      { name: "nothing", errorCode: kafkaCode("UNKNOWN_TOPIC_OR_PARTITION") },
    ]);
    expect(rig.topics.list().map(({ name }) => name)).toEqual(["b"]);
  });

  test("version 6 deletes by id, and answers the name with it", async () => {
    const rig = await rigWith(["a"]);
    const { id } = rig.topics.find("a")!;
    const request = { topics: [{ name: null, topicId: id }], timeoutMs };
    const answer = await callKafka("DeleteTopics", deleteTopics, request, { rig, version: 6 });
    expect(answer.responses).toMatchObject([{ name: "a", topicId: id, errorCode: 0 }]);
    expect(rig.topics.size).toBe(0);
  });

  test("another topic that has the name by then is left alone", async () => {
    const rig = await rigWith(["a"]);
    const { id } = rig.topics.find("a")!;
    const again = [{ name: null, topicId: id }];
    const first = codes(rig, again);
    const asked = { name: "a", partitions: 1, replicas: 1, configs: new Map<string, string>() };
    const made = rig.topics.create(asked);
    const second = codes(rig, again);
    const unknown = kafkaCode("UNKNOWN_TOPIC_ID");
    expect(await Promise.all([first, second])).toEqual([[["a", 0]], [[null, unknown]]]);
    expect(rig.topics.find("a")?.id).toEqual((await made).id);
  });

  test("an unknown id is UNKNOWN_TOPIC_ID, without a name", async () => {
    const rig = await rigWith([]);
    const unknown = kafkaCode("UNKNOWN_TOPIC_ID");
    expect(await codes(rig, [{ name: null, topicId: someId }])).toEqual([[null, unknown]]);
  });

  test("both a name and an id, or neither, is refused", async () => {
    const rig = await rigWith(["a"]);
    const invalid = kafkaCode("INVALID_REQUEST");
    expect(await codes(rig, [{ name: "a", topicId: someId }])).toEqual([["a", invalid]]);
    expect(await codes(rig, [{ name: null, topicId: zeroUuid }])).toEqual([[null, invalid]]);
    expect(rig.topics.size).toBe(1);
  });

  test("the same topic twice, by name or by name and id, is refused and kept", async () => {
    const rig = await rigWith(["a", "b"]);
    const { id } = rig.topics.find("b")!;
    const invalid = kafkaCode("INVALID_REQUEST");
    const twice = { name: "a", topicId: zeroUuid };
    expect(await codes(rig, [twice, twice])).toEqual([["a", invalid]]);
    const both = [
      { name: "b", topicId: zeroUuid },
      { name: null, topicId: id },
    ];
    expect(await codes(rig, both)).toEqual([
      ["b", invalid],
      [null, invalid],
    ]);
    expect(rig.topics.size).toBe(2);
  });

  test("internal topics can be deleted", async () => {
    const rig = await rigWith(["__consumer_offsets"]);
    const internal = { name: "__consumer_offsets", topicId: zeroUuid };
    expect(await codes(rig, [internal])).toEqual([["__consumer_offsets", 0]]);
  });

  test.each([
    [2, "INVALID_REQUEST"],
    [3, "TOPIC_DELETION_DISABLED"],
  ] as const)("switched off, version %i is refused as a whole: %s", async (version, code) => {
    const rig = await rigWith(["a"], { "delete.topic.enable": "false" });
    const request = { topics: [], topicNames: ["a"], timeoutMs };
    const refused = deleteTopics(request, rigContext(rig, version));
    await expect(refused).rejects.toMatchObject({ code });
  });
});
