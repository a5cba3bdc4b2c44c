import { kafkaCode, type ErrorCode } from "../../../base/errors.ts";
import type { Uuid } from "../../../base/uuid.ts";
import { fetchOffsets } from "../../../broker/groups/fetch-offsets.ts";
import type { FetchedOffset, WantedOffset } from "../../../broker/groups/group-offsets.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"OffsetFetch">;
type Response = ResponseOf<"OffsetFetch">;
type GroupAnswer = NonNullable<Response["groups"]>[number];
type TopicAnswer = GroupAnswer["topics"][number];
type PartitionAnswer = TopicAnswer["partitions"][number];
type WantedTopics = Request["groups"][number]["topics"];

const groupsVersionMin = 8;
const topicIdVersionMin = 10;
const groupErrorVersionMin = 2;

/** OffsetFetch (key 9): the durable offsets of one group, of several from version 8 (KIP-709). */
export function offsetFetch(request: Request, context: RequestContext): Response {
  if (context.apiVersion >= groupsVersionMin) {
    const fetch = context.apiVersion >= topicIdVersionMin ? fetchById : fetchByName;
    const groups = request.groups.map(({ groupId, memberId, memberEpoch, topics }) => {
      const refused = context.broker.groups.checkFetch(groupId, memberId, memberEpoch);
      if (refused !== null) return { groupId, topics: [], errorCode: kafkaCode(refused) };
      return fetch(context, groupId, topics);
    });
    return { groups };
  }
  const wanted =
    request.topics?.map((topic) => ({ ...topic, topicId: new Uint8Array(16) })) ?? null;
  const { topics, errorCode = 0 } = fetchByName(context, request.groupId, wanted);
  const named = topics.map(({ name = "", partitions }) => ({ name, partitions }));
  if (context.apiVersion >= groupErrorVersionMin) return { topics: named, errorCode };
  return { topics: errorCode === 0 ? named : refused(wanted, errorCode) };
}

function fetchByName(
  { broker }: RequestContext,
  groupId: string,
  topics: WantedTopics,
): GroupAnswer {
  const wanted = topics?.flatMap(({ name, partitionIndexes }) => wantedOf(name, partitionIndexes));
  const { error, offsets } = fetchOffsets(broker, groupId, wanted ?? null);
  if (error !== null) return { groupId, topics: [], errorCode: kafkaCode(error) };
  if (topics === null) return { groupId, topics: byTopic(offsets) };
  let next = 0;
  const answers = topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(() => partitionAnswer(offsets[next++])),
  }));
  return { groupId, topics: answers };
}

/** Topics that are gone have no id to be answered with, so their offsets are left out. */
function fetchById({ broker }: RequestContext, groupId: string, topics: WantedTopics): GroupAnswer {
  if (topics === null) {
    const { error, offsets } = fetchOffsets(broker, groupId, null);
    if (error !== null) return { groupId, topics: [], errorCode: kafkaCode(error) };
    const answers = byTopic(offsets).flatMap(({ name = "", partitions }) => {
      const topicId = broker.topics.find(name)?.id;
      return topicId === undefined ? [] : [{ topicId, partitions }];
    });
    return { groupId, topics: answers };
  }
  const answers: TopicAnswer[] = [];
  for (const { topicId, partitionIndexes } of topics) {
    const name = broker.topics.findById(topicId)?.name;
    if (name === undefined) {
      answers.push({
        topicId,
        partitions: partitionIndexes.map((at) => failed(at, "UNKNOWN_TOPIC_ID")),
      });
      continue;
    }
    const wanted = wantedOf(name, partitionIndexes, topicId);
    const { error, offsets } = fetchOffsets(broker, groupId, wanted);
    if (error !== null) return { groupId, topics: [], errorCode: kafkaCode(error) };
    answers.push({ topicId, partitions: offsets.map(partitionAnswer) });
  }
  return { groupId, topics: answers };
}

function wantedOf(
  topic: string,
  partitions: readonly number[],
  topicId?: Uuid,
): readonly WantedOffset[] {
  return partitions.map((partition) => ({
    topic,
    partition,
    ...(topicId === undefined ? {} : { topicId }),
  }));
}

function byTopic(offsets: readonly FetchedOffset[]): TopicAnswer[] {
  const topics = new Map<string, PartitionAnswer[]>();
  for (const one of offsets) {
    const partitions = topics.get(one.topic) ?? [];
    topics.set(one.topic, partitions);
    partitions.push(partitionAnswer(one));
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }));
}

function partitionAnswer(one: FetchedOffset | undefined): PartitionAnswer {
  return {
    partitionIndex: one?.partition ?? -1,
    committedOffset: one?.offset ?? -1,
    committedLeaderEpoch: one?.leaderEpoch ?? -1,
    metadata: one?.metadata ?? "",
    errorCode: 0,
  };
}

function failed(partitionIndex: number, error: ErrorCode): PartitionAnswer {
  const nothing = { committedOffset: -1, committedLeaderEpoch: -1, metadata: "" };
  return { partitionIndex, ...nothing, errorCode: kafkaCode(error) };
}

/** Before version 2 there is no place for an error but the partitions. */
function refused(
  topics: WantedTopics,
  errorCode: number,
): NonNullable<Response["topics"]>[number][] {
  return (topics ?? []).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((at) => ({
      ...partitionAnswer(undefined),
      partitionIndex: at,
      errorCode,
    })),
  }));
}
