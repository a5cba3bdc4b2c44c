import { kafkaCode, XylemError } from "../../../base/errors.ts";
import { zeroUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../../broker/broker.ts";
import { placeOf } from "../../../broker/cluster/partition-place.ts";
import type { PartitionLog } from "../../../broker/partition/partition-log.ts";
import { isTopicName } from "../../../broker/topics/topic-name.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { topicOperations } from "../authorized-operations.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DescribeTopicPartitions">;
type Response = ResponseOf<"DescribeTopicPartitions">;
type TopicAnswer = Response["topics"][number];
type Cursor = NonNullable<Response["nextCursor"]>;

/**
 * DescribeTopicPartitions (key 75, KIP-966): topics by name, in pages of partitions. A page ends
 * inside a topic where it must; the cursor says where the next one begins.
 */
export function describeTopicPartitions(request: Request, context: RequestContext): Response {
  const { cursor } = request;
  if (cursor !== null && cursor.partitionIndex < 0) {
    throw new XylemError("INVALID_REQUEST", "The cursor's partition must not be negative");
  }
  const { topics: all, settings } = context.broker;
  const bound = settings["max.request.partition.size.limit"];
  let left = Math.max(1, Math.min(request.responsePartitionLimit, bound));
  const topics: TopicAnswer[] = [];
  let nextCursor: Cursor | null = null;
  for (const name of wantedNames(request, context)) {
    const topic = all.find(name);
    if (topic === undefined) {
      topics.push(unknownTopic(name));
      continue;
    }
    const first = cursor?.topicName === name ? cursor.partitionIndex : 0;
    if (left === 0) {
      nextCursor = { topicName: name, partitionIndex: first };
      break;
    }
    const page = topic.partitions.slice(first, first + left);
    left -= page.length;
    topics.push({
      errorCode: 0,
      name,
      topicId: topic.id,
      isInternal: topic.isInternal,
      partitions: page.map((partition) => describePartition(context.broker, topic, partition)),
      topicAuthorizedOperations: topicOperations,
    });
    if (first + page.length >= topic.partitions.length) continue;
    nextCursor = { topicName: name, partitionIndex: first + page.length };
    break;
  }
  return { topics, nextCursor };
}

/** Sorted, each once, from the cursor's topic on. */
function wantedNames({ topics, cursor }: Request, { broker }: RequestContext): readonly string[] {
  const named = topics.length === 0 ? broker.topics.list() : topics;
  const names = [...new Set(named.map(({ name }) => name))].sort((a, b) => (a < b ? -1 : 1));
  return cursor === null ? names : names.filter((name) => name >= cursor.topicName);
}

function unknownTopic(name: string): TopicAnswer {
  const code = isTopicName(name) ? "UNKNOWN_TOPIC_OR_PARTITION" : "INVALID_TOPIC_EXCEPTION";
  return { errorCode: kafkaCode(code), name, topicId: zeroUuid, partitions: [] };
}

function describePartition(
  broker: Broker,
  { id }: Topic,
  partition: PartitionLog,
): TopicAnswer["partitions"][number] {
  const { error, leaderId, leaderEpoch, replicas, inSync, offline } = placeOf(
    broker,
    id,
    partition,
  );
  return {
    errorCode: error === undefined ? 0 : kafkaCode(error),
    partitionIndex: partition.index,
    leaderId,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: inSync,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: offline,
  };
}
