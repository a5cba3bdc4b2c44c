import { describe, expect, test } from "vitest";
import { callKafka, rigContext } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { kafkaCode } from "../../../base/errors.ts";
import type { SentRequestOf } from "../../../protocol/api-table.ts";
import { describeTopicPartitions } from "./describe-topic-partitions.ts";

type Request = SentRequestOf<"DescribeTopicPartitions">;

const ask = (rig: TopicRig, request: Request) =>
  callKafka("DescribeTopicPartitions", describeTopicPartitions, request, { rig, version: 0 });

async function rigOf(counts: Record<string, number>, given = {}): Promise<TopicRig> {
  const rig = await openTopicRig(given);
  for (const [name, partitions] of Object.entries(counts)) {
    await rig.topics.create({ name, partitions, replicas: 1, configs: new Map() });
  }
  return rig;
}

describe("DescribeTopicPartitions", () => {
  test("no names are all topics, sorted, with leader, replicas and operations", async () => {
    const rig = await rigOf({ b: 1, a: 2 });
    const { topics, nextCursor } = await ask(rig, { topics: [] });
    expect(nextCursor).toBe(null);
    expect(topics).toMatchObject([
      { name: "a", errorCode: 0, topicAuthorizedOperations: 0b1101_1111_1000 },
      { name: "b", errorCode: 0 },
    ]);
    expect(topics[0]?.partitions[1]).toMatchObject({
      partitionIndex: 1,
      leaderId: 1,
      leaderEpoch: 0,
      replicaNodes: [1],
      isrNodes: [1],
      eligibleLeaderReplicas: [],
    });
  });

  test("unknown and invalid names are answered in their place", async () => {
    const rig = await rigOf({ b: 1 });
    const topics = [{ name: "c" }, { name: "b" }, { name: "a b" }, { name: "b" }];
    expect((await ask(rig, { topics })).topics).toMatchObject([
      { name: "a b", errorCode: kafkaCode("INVALID_TOPIC_EXCEPTION") },
      { name: "b", errorCode: 0 },
      { name: "c", errorCode: kafkaCode("UNKNOWN_TOPIC_OR_PARTITION") },
    ]);
  });

  test("pages follow each other without a gap or a repetition", async () => {
    const rig = await rigOf({ a: 3, b: 1, c: 4 });
    for (const responsePartitionLimit of [1, 2, 3, 4, 8, 9]) {
      const seen: string[] = [];
      let cursor: Request["cursor"] = null;
      do {
        const page = await ask(rig, { topics: [], responsePartitionLimit, cursor });
        const partitions = page.topics.flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`),
        );
        expect(partitions.length).toBeLessThanOrEqual(responsePartitionLimit);
        seen.push(...partitions);
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(["a-0", "a-1", "a-2", "b-0", "c-0", "c-1", "c-2", "c-3"]);
    }
  });

  test("the node's own limit counts when it is lower; a limit below 1 is 1", async () => {
    const rig = await rigOf({ a: 5 }, { "max.request.partition.size.limit": "2" });
    const { topics, nextCursor } = await ask(rig, { topics: [] });
    expect(topics[0]?.partitions.length).toBe(2);
    expect(nextCursor).toEqual({ topicName: "a", partitionIndex: 2 });
    const least = await ask(rig, { topics: [], responsePartitionLimit: -3 });
    expect(least.topics[0]?.partitions.length).toBe(1);
  });

  test("a cursor whose topic is gone goes on behind it", async () => {
    const rig = await rigOf({ a: 1, c: 2 });
    const cursor = { topicName: "b", partitionIndex: 7 };
    expect((await ask(rig, { topics: [], cursor })).topics).toMatchObject([{ name: "c" }]);
  });

  test("a cursor below 0 refuses the request", async () => {
    const context = rigContext(await openTopicRig(), 0);
    const cursor = { topicName: "b", partitionIndex: -1 };
    const request = { topics: [], responsePartitionLimit: 1, cursor };
    expect(() => describeTopicPartitions(request, context)).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST" }),
    );
  });
});
