import { expect, test } from "vitest";
import { callKafka } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, rigNodeId } from "../../../../test/support/topic-rig.ts";
import { kafkaCode, type ErrorCode } from "../../../base/errors.ts";
import { alterPartitionReassignments } from "./alter-partition-reassignments.ts";
import { electLeaders } from "./elect-leaders.ts";
import { listPartitionReassignments } from "./list-partition-reassignments.ts";

const timeoutMs = 1_000;

async function alter(version: number, replicas: number[] | null, partitionIndex = 0) {
  const rig = await openTopicRig();
  await rig.topics.autoCreate("a");
  const topics = [{ name: "a", partitions: [{ partitionIndex, replicas }] }];
  const request = { timeoutMs, topics, allowReplicationFactorChange: version === 0 };
  const at = { rig, version };
  const name = "AlterPartitionReassignments";
  const answer = await callKafka(name, alterPartitionReassignments, request, at);
  return answer.responses[0]?.partitions[0]?.errorCode;
}

test.each<[number, number[] | null, ErrorCode | undefined]>([
  [0, [rigNodeId], undefined],
  [1, [rigNodeId], undefined],
  [1, null, "NO_REASSIGNMENT_IN_PROGRESS"],
  [1, [], "INVALID_REPLICA_ASSIGNMENT"],
  [0, [rigNodeId, rigNodeId], "INVALID_REPLICA_ASSIGNMENT"],
  [0, [rigNodeId + 1], "INVALID_REPLICA_ASSIGNMENT"],
])("AlterPartitionReassignments %i to %j on one node: %s", async (version, replicas, code) => {
  expect(await alter(version, replicas)).toBe(code === undefined ? 0 : kafkaCode(code));
});

test("AlterPartitionReassignments of a partition that is not there is told so", async () => {
  expect(await alter(1, [rigNodeId], 7)).toBe(kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"));
});

test.each([null, [{ name: "a", partitionIndexes: [0] }], []])(
  "ListPartitionReassignments of %j lists nothing on one node",
  async (topics) => {
    const rig = await openTopicRig();
    await rig.topics.autoCreate("a");
    const at = { rig, version: 0 };
    const request = { timeoutMs, topics };
    const name = "ListPartitionReassignments";
    const answer = await callKafka(name, listPartitionReassignments, request, at);
    expect(answer).toMatchObject({ errorCode: 0, topics: [] });
  },
);

test.each([0, 1, 2])("ElectLeaders %i finds the only node leading", async (version) => {
  const rig = await openTopicRig();
  await rig.topics.autoCreate("a");
  const at = { rig, version };
  const elect = async (topicPartitions: { topic: string; partitions: number[] }[] | null) => {
    const request = { electionType: 0, topicPartitions, timeoutMs };
    const answer = await callKafka("ElectLeaders", electLeaders, request, at);
    return answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
      partitionResult.map(({ partitionId, errorCode }) => [topic, partitionId, errorCode]),
    );
  };
  expect(await elect(null)).toEqual([]);
  expect(await elect([{ topic: "a", partitions: [0, 7] }])).toEqual([
    ["a", 7, kafkaCode("UNKNOWN_TOPIC_OR_PARTITION")],
    ["a", 0, kafkaCode("ELECTION_NOT_NEEDED")],
  ]);
});

test("ElectLeaders refuses a kind of election that nobody knows", async () => {
  const rig = await openTopicRig();
  const request = { electionType: 2, topicPartitions: null, timeoutMs };
  const asked = callKafka("ElectLeaders", electLeaders, request, { rig, version: 2 });
  await expect(asked).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});
