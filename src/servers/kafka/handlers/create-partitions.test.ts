import { describe, expect, test } from "vitest";
import { callKafka } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { kafkaCode } from "../../../base/errors.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";
import { createPartitions } from "./create-partitions.ts";

type Wanted = SentRequestOf<"CreatePartitions">["topics"];

async function grow(rig: TopicRig, topics: Wanted, version = 3, validateOnly = false) {
  const request = { topics, timeoutMs: 1_000, validateOnly };
  const at = { rig, version };
  const { results } = await callKafka("CreatePartitions", createPartitions, request, at);
  return results.map(({ name, errorCode }) => [name, errorCode]);
}

const to = (name: string, count: number, assignments: Wanted[number]["assignments"] = null) => ({
  name,
  count,
  assignments,
});

describe("CreatePartitions", () => {
  test.each([0, 1, 2, 3])("version %i grows a topic", async (version) => {
    const rig = await openTopicRig();
    const topic = await rig.topics.autoCreate("a");
    expect(await grow(rig, [to("a", 4)], version)).toEqual([["a", 0]]);
    expect(topic.partitions.length).toBe(4);
  });

  test("each topic is answered by itself", async () => {
    const rig = await openTopicRig();
    for (const name of ["a", "b", "c"]) await rig.topics.autoCreate(name);
    const topics = [to("a", 2), to("b", 1), to("nothing", 2), to("c", 2), to("c", 3)];
    expect(await grow(rig, topics)).toEqual([
      ["a", 0],
      ["b", kafkaCode("INVALID_PARTITIONS")],
      ["nothing", kafkaCode("UNKNOWN_TOPIC_OR_PARTITION")],
      ["c", kafkaCode("INVALID_REQUEST")],
    ]);
    expect(rig.topics.find("c")?.partitions.length).toBe(1);
  });

  test("assignments by hand name each new partition", async () => {
    const rig = await openTopicRig();
    await rig.topics.autoCreate("a");
    const wrong = kafkaCode("INVALID_REPLICA_ASSIGNMENT");
    expect(await grow(rig, [to("a", 3, [{ brokerIds: [1] }])])).toEqual([["a", wrong]]);
    const right = [{ brokerIds: [1] }, { brokerIds: [1] }];
    expect(await grow(rig, [to("a", 3, right)])).toEqual([["a", 0]]);
  });

  test("only validated, nothing grows", async () => {
    const rig = await openTopicRig();
    const topic = await rig.topics.autoCreate("a");
    expect(await grow(rig, [to("a", 4)], 3, true)).toEqual([["a", 0]]);
    expect(topic.partitions.length).toBe(1);
  });
});
