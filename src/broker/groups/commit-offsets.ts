import type { Int64 } from "../../base/bytes.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { OffsetCommitter } from "../../groups/classic/classic-group.ts";
import type { Broker } from "../broker.ts";
import type { Topic } from "../topics/live-topic.ts";
import type { CommitResult, NewOffset } from "./group-offsets.ts";

/** A topic as a request names it. */
export type TopicReference = { readonly name: string } | { readonly id: Uuid };

export interface OffsetToCommit {
  readonly topic: TopicReference;
  readonly partition: number;
  readonly offset: Int64;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

export interface CommitRequest {
  readonly committer: OffsetCommitter;
  readonly offsets: readonly OffsetToCommit[];
  /** Null: as long as the node's retention says. */
  readonly retentionMs: number | null;
  /** What a member of an unknown group is told. */
  readonly unknownGroup: ErrorCode;
}

/**
 * OffsetCommit: what names no topic or partition of ours is refused one by one, the rest goes on
 * together. Answers one error for each offset, in order; a refusal by the group is that of all.
 */
export async function commitOffsets(
  broker: Broker,
  group: string,
  request: CommitRequest,
): Promise<readonly (ErrorCode | null)[]> {
  const checked = request.offsets.map((one) => checkOffset(broker, one, request.retentionMs));
  const offsets = checked.filter((one) => typeof one !== "string");
  if (offsets.length === 0) return checked.map(refusalOf);
  const { committer, unknownGroup } = request;
  const result = await broker.groups.commitOffsets(group, { committer, offsets, unknownGroup });
  return mergeResults(checked, result);
}

/** The topic that a request names; its absence as the error that goes with the way of naming. */
export function findTopic(broker: Broker, reference: TopicReference): Topic | ErrorCode {
  if ("id" in reference) return broker.topics.findById(reference.id) ?? "UNKNOWN_TOPIC_ID";
  return broker.topics.find(reference.name) ?? "UNKNOWN_TOPIC_OR_PARTITION";
}

function checkOffset(
  broker: Broker,
  asked: OffsetToCommit,
  retentionMs: number | null,
): NewOffset | ErrorCode {
  const topic = findTopic(broker, asked.topic);
  if (typeof topic === "string") return topic;
  const { partition, offset, leaderEpoch, metadata } = asked;
  if (topic.partitions[partition] === undefined) return "UNKNOWN_TOPIC_OR_PARTITION";
  if (typeof offset === "bigint") return "OFFSET_OUT_OF_RANGE";
  const { name, id: topicId } = topic;
  return { topic: name, partition, offset, leaderEpoch, metadata, retentionMs, topicId };
}

function mergeResults(
  checked: readonly (NewOffset | ErrorCode)[],
  { error, errors }: CommitResult,
): readonly (ErrorCode | null)[] {
  let next = 0;
  return checked.map((one) => {
    if (typeof one === "string") return one;
    return error ?? errors[next++] ?? null;
  });
}

function refusalOf(one: NewOffset | ErrorCode): ErrorCode | null {
  return typeof one === "string" ? one : null;
}
