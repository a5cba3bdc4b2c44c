import { kafkaCode, type XylemError } from "../../../base/errors.ts";
import { zeroUuid } from "../../../base/uuid.ts";
import { Fetch } from "../../../broker/fetch/fetch.ts";
import { FollowerReads } from "../../../broker/fetch/follower-reads.ts";
import { preferReplica } from "../../../broker/fetch/prefer-replica.ts";
import type { FetchWish } from "../../../broker/fetch/fetch-partition.ts";
import type { SessionTurn } from "../../../broker/fetch/fetch-sessions.ts";
import { FetchTarget, type TopicReference } from "../../../broker/fetch/fetch-target.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { hintedNodes, type LeaderHint, leaderHint } from "../broker-nodes.ts";
import type { DoorContext } from "../door-context.ts";

type Request = RequestOf<"Fetch">;
type Response = ResponseOf<"Fetch">;
type WantedPartition = Request["topics"][number]["partitions"][number];
type PartitionAnswer = Response["responses"][number]["partitions"][number];

interface TopicAnswer {
  readonly topic: string;
  readonly topicId: Uint8Array;
  readonly partitions: PartitionAnswer[];
}

const topicIdVersionMin = 13;
const leaderHintVersionMin = 16;
const storageErrorVersionMin = 6;
/** Of these a client knows that replicas that do not lead may be read from (KIP-392). */
const followerVersionMin = 11;
const readCommittedLevel = 1;

/** Fetch (key 1): stored batches from each offset on; incremental within a session (KIP-227). */
export function fetch(request: Request, context: DoorContext): Response | Promise<Response> {
  const turn = beginTurn(request, context);
  const { maxWaitMs, minBytes, maxBytes, isolationLevel, rackId } = request;
  const readCommitted = isolationLevel === readCommittedLevel;
  const budget = context.fetchBudget;
  const prefer = preferReplica(context.broker, rackId);
  const limits = { maxWaitMs, minBytes, maxBytes, readCommitted, budget, prefer };
  const fetching = new Fetch(context.broker, limits, turn.targets);
  const leave = (unpark?: () => void): void => {
    unpark?.();
    fetching.release();
    turn.release();
  };
  const answer = (): Response => formatAnswer(turn, readCommitted, context);
  let waiting: Promise<void> | undefined;
  try {
    waiting = fetching.run();
  } finally {
    if (waiting === undefined) leave();
  }
  if (waiting === undefined) return answer();
  const unpark = context.park(fetching);
  return waiting.finally(() => leave(unpark)).then(answer);
}

function beginTurn(request: Request, context: DoorContext): SessionTurn {
  const { topics } = context.broker;
  const usesTopicIds = context.apiVersion >= topicIdVersionMin;
  const refer = (name: string, id: Uint8Array): TopicReference => ({
    name,
    id: usesTopicIds ? id : undefined,
  });
  const targets = request.topics.flatMap(({ topic, topicId, partitions }) => {
    const reference = refer(topic, topicId);
    return partitions.map(
      (wanted) => new FetchTarget(topics, reference, wanted.partition, wishOf(wanted)),
    );
  });
  const forgotten = request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((index) => ({ topic: refer(topic, topicId), index })),
  );
  const { sessionId, sessionEpoch } = request;
  const turn = context.fetchSessions.begin({
    sessionId,
    sessionEpoch,
    usesTopicIds,
    targets,
    forgotten,
  });
  for (const target of turn.targets) {
    if (target.error !== undefined) target.findTopic(topics);
    target.mayFollow = context.apiVersion >= followerVersionMin;
  }
  return turn;
}

/** An offset past 2^53 is past every log: the largest exact one says so as well. */
function wishOf(wanted: WantedPartition): FetchWish {
  const { fetchOffset, currentLeaderEpoch, lastFetchedEpoch, partitionMaxBytes } = wanted;
  return {
    fetchOffset: typeof fetchOffset === "number" ? fetchOffset : Number.MAX_SAFE_INTEGER,
    currentLeaderEpoch,
    lastFetchedEpoch,
    sizeBytesMax: partitionMaxBytes,
  };
}

function formatAnswer(turn: SessionTurn, readCommitted: boolean, context: DoorContext): Response {
  const { sessionId, targets } = turn.finish();
  const responses: TopicAnswer[] = [];
  const hints: LeaderHint[] = [];
  const givesHints = context.apiVersion >= leaderHintVersionMin;
  for (const target of targets) {
    const { error, topic, index } = target;
    const hint = givesHints ? leaderHint(context, error, topic, index) : undefined;
    if (hint !== undefined) hints.push(hint);
    const partition = formatPartition(target, readCommitted, context.apiVersion, hint);
    if (target.sizeBytes > 0 && target.partition?.absence !== undefined) {
      FollowerReads.of(context.broker).count(target.sizeBytes);
    }
    const lease = target.handOver();
    if (lease !== undefined) context.lend(lease);
    const { name, id = zeroUuid } = target.reference;
    const last = responses.at(-1);
    if (last?.topic === name && last.topicId === id) last.partitions.push(partition);
    else responses.push({ topic: name, topicId: id, partitions: [partition] });
  }
  if (hints.length === 0) return { sessionId, responses };
  return { sessionId, responses, nodeEndpoints: hintedNodes(context, hints) };
}

function formatPartition(
  target: FetchTarget,
  readCommitted: boolean,
  apiVersion: number,
  hint: LeaderHint | undefined,
): PartitionAnswer {
  const { index, error, divergingEpoch } = target;
  const answer: PartitionAnswer = {
    partitionIndex: index,
    errorCode: error === undefined ? 0 : errorCode(error, target, apiVersion),
    highWatermark: target.highWatermark,
    lastStableOffset: target.lastStable,
    logStartOffset: target.logStart,
    preferredReadReplica: target.preferredReplica,
    abortedTransactions: readCommitted ? target.aborted : null,
    records: target.chunks,
  };
  if (divergingEpoch !== undefined) return { ...answer, divergingEpoch };
  return hint === undefined ? answer : { ...answer, currentLeader: hint };
}

function errorCode(error: XylemError, target: FetchTarget, apiVersion: number): number {
  const isUnknown = error.code === "UNKNOWN_TOPIC_OR_PARTITION";
  if (isUnknown && target.topic === undefined && apiVersion >= topicIdVersionMin) {
    return kafkaCode("UNKNOWN_TOPIC_ID");
  }
  const storageError = kafkaCode("KAFKA_STORAGE_ERROR");
  if (apiVersion < storageErrorVersionMin && error.kafka === storageError) {
    return kafkaCode("NOT_LEADER_OR_FOLLOWER");
  }
  return error.kafka;
}
