import { kafkaCode, XylemError } from "../../../base/errors.ts";
import { isZeroUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../../broker/broker.ts";
import { controllerIdOf, placeOf } from "../../../broker/cluster/partition-place.ts";
import type { PartitionLog } from "../../../broker/partition/partition-log.ts";
import { checkTopicName } from "../../../broker/topics/topic-name.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { brokerNodes } from "../broker-nodes.ts";
import { clusterOperations, operationsOmitted, topicOperations } from "../authorized-operations.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"Metadata">;
type Response = ResponseOf<"Metadata">;
type WantedTopic = NonNullable<Request["topics"]>[number];
type TopicAnswer = Response["topics"][number];

/** The first version in which a topic may be asked for by its id alone. */
const firstVersionById = 12;

/**
 * Metadata (key 3): the nodes, and the topics with their partitions (semantics.md 5). An unknown
 * topic is made on demand; the answer says UNKNOWN_TOPIC_OR_PARTITION once, the client asks again.
 */
export function metadata(request: Request, context: RequestContext): Response {
  const { broker } = context;
  return {
    brokers: brokerNodes(context),
    clusterId: broker.identity.clusterId,
    controllerId: controllerIdOf(broker),
    topics: describeTopics(request, context),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsOmitted,
  };
}

function describeTopics(request: Request, context: RequestContext): readonly TopicAnswer[] {
  const { topics: wanted, includeTopicAuthorizedOperations } = request;
  const { broker } = context;
  const { topics } = broker;
  const operations = includeTopicAuthorizedOperations ? topicOperations : operationsOmitted;
  const describe = (topic: Topic): TopicAnswer => describeTopic(topic, broker, operations);
  const isAll = wanted === null || (context.apiVersion === 0 && wanted.length === 0);
  if (isAll) return topics.list().map(describe);
  checkWanted(wanted, context.apiVersion);
  const byId = wanted.filter(({ topicId }) => !isZeroUuid(topicId));
  if (byId.length > 0) {
    return byId.map(({ topicId }) => {
      const topic = topics.findById(topicId);
      return topic === undefined ? unknownId(topicId) : describe(topic);
    });
  }
  const names = new Set(wanted.map(({ name }) => name ?? ""));
  return [...names].map((name) => {
    const topic = topics.find(name);
    return topic === undefined ? unknownName(name, request, context) : describe(topic);
  });
}

function checkWanted(wanted: readonly WantedTopic[], apiVersion: number): void {
  for (const { name, topicId } of wanted) {
    const hasId = !isZeroUuid(topicId);
    if (apiVersion < firstVersionById && (name === null || hasId)) {
      throw new XylemError("INVALID_REQUEST", `Topics by id need version ${firstVersionById}`);
    }
    if (name === null && !hasId) {
      throw new XylemError("INVALID_REQUEST", "A topic has neither a name nor an id");
    }
  }
}

function describeTopic(topic: Topic, broker: Broker, operations: number): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map((partition) => describePartition(broker, topic, partition)),
    topicAuthorizedOperations: operations,
  };
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
    offlineReplicas: offline,
  };
}

function unknownId(topicId: Uint8Array): TopicAnswer {
  return { errorCode: kafkaCode("UNKNOWN_TOPIC_ID"), name: null, topicId, partitions: [] };
}

function unknownName(name: string, request: Request, { broker }: RequestContext): TopicAnswer {
  const mayCreate = broker.settings["auto.create.topics.enable"] && request.allowAutoTopicCreation;
  try {
    checkTopicName(name);
    if (mayCreate) broker.topics.startAutoCreate(name);
    return { errorCode: kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"), name, partitions: [] };
  } catch (error) {
    return { errorCode: expectXylemError(error).kafka, name, partitions: [] };
  }
}
