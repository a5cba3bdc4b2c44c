import type { ErrorCode } from "../../base/errors.ts";
import { formatUuid } from "../../base/uuid.ts";
import type { CommittedPartition } from "../../groups/consumer/consumer-group.ts";
import type { OffsetCommitter } from "../../groups/classic/classic-group.ts";
import type { CommittedOffset, OffsetRecord } from "../../groups/group-record.ts";
import type { OffsetStore } from "../../groups/offsets/offset-store.ts";
import type { GroupShard } from "./group-shard.ts";

export interface NewOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly leaderEpoch: number;
  /** Null counts as "". */
  readonly metadata: string | null;
  /** How long it lives, whatever the group does; null: the node's retention decides. */
  readonly retentionMs: number | null;
  /** 16 bytes; null: not known. */
  readonly topicId: Uint8Array | null;
}

export interface WantedOffset {
  readonly topic: string;
  readonly partition: number;
  /** Set: an offset that was committed for another topic of that name does not count. */
  readonly topicId?: Uint8Array;
}

/** -1, -1, "" when there is none. */
export interface FetchedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** `offsets` go with those asked for, or are all there are; none with an error. */
export interface OffsetFetchResult {
  readonly error: ErrorCode | null;
  readonly offsets: readonly FetchedOffset[];
}

/** `error` stands for the whole call; `errors` go with the offsets asked for. */
export interface CommitResult {
  readonly error: ErrorCode | null;
  readonly errors: readonly (ErrorCode | null)[];
}

/** OffsetCommit, checks 2 to 6; a group that is not there is made to hold the offsets. */
export async function commitGroupOffsets(
  shard: GroupShard,
  group: string,
  commit: {
    readonly committer: OffsetCommitter;
    readonly offsets: readonly NewOffset[];
    readonly metadataLengthMax: number;
  },
): Promise<CommitResult> {
  const machine = shard.ensure(group);
  const refused = machine.checkCommit(commit.committer, commit.offsets.map(asCommitted));
  if (refused !== null) return { error: refused, errors: [] };
  const now = shard.now();
  machine.noteCommit(commit.committer.memberId, now);
  const isTooLong = ({ metadata }: NewOffset): boolean =>
    (metadata?.length ?? 0) > commit.metadataLengthMax;
  const records = commit.offsets
    .filter((one) => !isTooLong(one))
    .map((one) => offsetRecord(group, one, now.wallMs));
  const error = await shard.write(records);
  const errors = commit.offsets.map((one) =>
    isTooLong(one) ? ("OFFSET_METADATA_TOO_LARGE" as const) : error,
  );
  return { error: null, errors };
}

/** By the names that a group knows partitions by; a topic without id is none of its own. */
function asCommitted({ topicId, partition }: NewOffset): CommittedPartition {
  return { topicId: topicId === null ? "" : formatUuid(topicId), partition };
}

export function fetchGroupOffsets(
  offsets: OffsetStore,
  group: string,
  wanted: readonly WantedOffset[] | null,
): readonly FetchedOffset[] {
  if (wanted === null) {
    return Array.from(
      offsets.all(group),
      ({ topic, partition, offset, leaderEpoch, metadata }) => ({
        topic,
        partition,
        offset,
        leaderEpoch,
        metadata,
      }),
    );
  }
  return wanted.map(({ topic, partition, topicId }) => {
    const found = offsets.find(group, topic, partition);
    const { offset, leaderEpoch, metadata } = isOf(found, topicId) ? found : nothingCommitted;
    return { topic, partition, offset, leaderEpoch, metadata };
  });
}

/** OffsetDelete: offsets of topics that a live consumer group reads stay. */
export async function deleteGroupOffsets(
  shard: GroupShard,
  group: string,
  wanted: readonly { readonly topic: string; readonly partition: number }[],
): Promise<CommitResult> {
  const machine = shard.find(group);
  if (machine === undefined) return { error: "GROUP_ID_NOT_FOUND", errors: [] };
  if (machine.phase !== "Empty" && !machine.isConsumerGroup) {
    return { error: "NON_EMPTY_GROUP", errors: [] };
  }
  const isKept = ({ topic }: { topic: string }): boolean => machine.isSubscribedTo(topic);
  const records = wanted
    .filter((one) => !isKept(one) && isThere(shard.offsets, group, one))
    .map(({ topic, partition }) => tombstone(group, topic, partition));
  const error = await shard.write(records);
  const errors = wanted.map((one) =>
    isKept(one) ? ("GROUP_SUBSCRIBED_TO_TOPIC" as const) : error,
  );
  return { error: null, errors };
}

export function tombstone(group: string, topic: string, partition: number): OffsetRecord {
  return { kind: "offset", group, topic, partition, value: null };
}

const nothingCommitted = { offset: -1, leaderEpoch: -1, metadata: "" };

function offsetRecord(group: string, one: NewOffset, wallMs: number): OffsetRecord {
  const { topic, partition, offset, leaderEpoch, topicId, retentionMs } = one;
  const value = {
    offset,
    leaderEpoch,
    metadata: one.metadata ?? "",
    commitTimestampMs: wallMs,
    expireTimestampMs: retentionMs === null ? null : wallMs + retentionMs,
    topicId,
  };
  return { kind: "offset", group, topic, partition, value };
}

function isOf(
  found: CommittedOffset | undefined,
  topicId: Uint8Array | undefined,
): found is CommittedOffset {
  if (found === undefined) return false;
  const stored = found.topicId;
  if (stored === null || topicId === undefined) return true;
  return stored.every((byte, index) => byte === topicId[index]);
}

function isThere(
  offsets: OffsetStore,
  group: string,
  { topic, partition }: { topic: string; partition: number },
): boolean {
  const isDurable = offsets.find(group, topic, partition) !== undefined;
  return isDurable || offsets.isExpected(group, topic, partition);
}
