import type { ApiName, SentRequestOf } from "../../../protocol/api-table.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { errorName } from "../error-name.ts";

/** Who is to be asked: who leads a partition, who coordinates a group, or anybody. */
export type Destination =
  | { readonly kind: "partition"; readonly topic: string; readonly index: number }
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "any" };

const anybody: Destination = { kind: "any" };

type Bodies = { [Name in ApiName]?: (body: SentRequestOf<Name>) => Destination };

const byApi: Bodies = {
  Produce: ({ topicData }) =>
    leaderOf(topicData[0]?.topicId, topicData[0]?.partitionData[0]?.index),
  Fetch: ({ topics }) => leaderOf(topics[0]?.topicId, topics[0]?.partitions[0]?.partition),
  ListOffsets: ({ topics }) => leaderOf(topics[0]?.name, topics[0]?.partitions[0]?.partitionIndex),
  DeleteRecords: ({ topics }) =>
    leaderOf(topics[0]?.name, topics[0]?.partitions[0]?.partitionIndex),
  JoinGroup: ({ groupId }) => ({ kind: "group", group: groupId }),
  SyncGroup: ({ groupId }) => ({ kind: "group", group: groupId }),
  Heartbeat: ({ groupId }) => ({ kind: "group", group: groupId }),
  OffsetCommit: ({ groupId }) => ({ kind: "group", group: groupId }),
  OffsetFetch: ({ groups = [] }) => ({ kind: "group", group: groups[0]?.groupId ?? "" }),
};

/** Who a request of one partition, or of one group, goes to. */
export function destinationOf<Name extends ApiName>(
  name: Name,
  body: SentRequestOf<Name>,
): Destination {
  return byApi[name]?.(body) ?? anybody;
}

/** A topic is named by its id or its name: both are known of each. */
function leaderOf(topic: Uint8Array | string | undefined, index = 0): Destination {
  if (topic === undefined) return anybody;
  return { kind: "partition", topic: typeof topic === "string" ? topic : formatUuid(topic), index };
}

const elsewhere = new Set([
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNKNOWN_TOPIC_ID",
  "KAFKA_STORAGE_ERROR",
  "NOT_COORDINATOR",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_CONTROLLER",
  "BROKER_NOT_AVAILABLE",
]);

/** Whether an answer has an error after which a client asks anew who is to be asked. */
export function isElsewhere(answer: unknown): boolean {
  if (Array.isArray(answer)) return answer.some(isElsewhere);
  if (typeof answer !== "object" || answer === null || ArrayBuffer.isView(answer)) return false;
  return Object.entries(answer).some(([name, value]) =>
    name === "errorCode" ? elsewhere.has(errorName(Number(value))) : isElsewhere(value),
  );
}
