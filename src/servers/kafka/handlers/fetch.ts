import { XylemError } from "../../../base/errors.ts";
import { Fetch } from "../../../broker/fetch/fetch.ts";
import { FetchPartition } from "../../../broker/fetch/fetch-partition.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { DoorContext } from "../door-context.ts";

type Request = RequestOf<"Fetch">;
type Response = ResponseOf<"Fetch">;
type WantedPartition = Request["topics"][number]["partitions"][number];
type TopicAnswer = Response["responses"][number];
type PartitionAnswer = TopicAnswer["partitions"][number];

const topicIdVersionMin = 13;
const storageErrorVersionMin = 6;
const readCommittedLevel = 1;

/** Fetch (key 1): stored batches from each offset on. */
export function fetch(
  request: Request,
  context: DoorContext,
): Response | Promise<Response> {
  const partitions = collectPartitions(request, context);
  const readCommitted = request.isolationLevel === readCommittedLevel;
  const { maxWaitMs, minBytes, maxBytes } = request;
  const limits = { maxWaitMs, minBytes, maxBytes, readCommitted };
  const fetching = new Fetch(context.broker, limits, partitions);
  const waiting = fetching.run();
  if (waiting === undefined) return formatAnswer(request, partitions, context);
  const unpark = context.park(fetching);
  return waiting
    .finally(unpark)
    .then(() => formatAnswer(request, partitions, context));
}

function collectPartitions(request: Request, context: DoorContext): FetchPartition[] {
  const byId = context.apiVersion >= topicIdVersionMin;
  const { topics } = context.broker;
  const partitions: FetchPartition[] = [];
  for (const wanted of request.topics) {
    const topic = byId ? topics.findById(wanted.topicId) : topics.find(wanted.topic);
    for (const partition of wanted.partitions) {
      partitions.push(new FetchPartition(topic, partition.partition, wishOf(partition)));
    }
  }
  return partitions;
}

/** An offset past 2^53 is past every log: the largest exact one says so as well. */
function wishOf(wanted: WantedPartition): ConstructorParameters<typeof FetchPartition>[2] {
  const { fetchOffset, currentLeaderEpoch, lastFetchedEpoch, partitionMaxBytes } = wanted;
  return {
    fetchOffset: typeof fetchOffset === "number" ? fetchOffset : Number.MAX_SAFE_INTEGER,
    currentLeaderEpoch,
    lastFetchedEpoch,
    sizeBytesMax: partitionMaxBytes,
  };
}

function formatAnswer(
  request: Request,
  fetched: readonly FetchPartition[],
  context: DoorContext,
): Response {
  const responses: TopicAnswer[] = [];
  let next = 0;
  for (const { topic, topicId, partitions } of request.topics) {
    const answers: PartitionAnswer[] = [];
    for (let count = 0; count < partitions.length; count++) {
      const partition = fetched[next++] as FetchPartition;
      answers.push(formatPartition(partition, request, context.apiVersion));
    }
    responses.push({ topic, topicId, partitions: answers });
  }
  return { sessionId: 0, responses };
}

function formatPartition(
  partition: FetchPartition,
  request: Request,
  apiVersion: number,
): PartitionAnswer {
  const { index, error, divergingEpoch } = partition;
  const answer: PartitionAnswer = {
    partitionIndex: index,
    errorCode: error === undefined ? 0 : errorCode(error, partition, apiVersion),
    highWatermark: partition.highWatermark,
    lastStableOffset: partition.lastStable,
    logStartOffset: partition.logStart,
    abortedTransactions: request.isolationLevel === readCommittedLevel ? [] : null,
    records: partition.chunks,
  };
  return divergingEpoch === undefined ? answer : { ...answer, divergingEpoch };
}

function errorCode(error: XylemError, partition: FetchPartition, apiVersion: number): number {
  if (partition.topic === undefined && apiVersion >= topicIdVersionMin) {
    return new XylemError("UNKNOWN_TOPIC_ID", "no topic has this id").kafka;
  }
  if (apiVersion < storageErrorVersionMin && error.row.kafka === 56) {
    return new XylemError("NOT_LEADER_OR_FOLLOWER", "storage error, for old clients").kafka;
  }
  return error.kafka;
}
