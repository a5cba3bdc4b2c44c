import { equalBytes } from "../../base/bytes.ts";
import { formatUuid, parseUuid } from "../../base/uuid.ts";
import type { CommittedOffset } from "../../groups/group-record.ts";
import type { OffsetStore } from "../../groups/offsets/offset-store.ts";
import type { AcknowledgedTopic } from "../retention/acknowledging.ts";

/** A topic as nodes are asked what their groups have passed of it; it goes as JSON. */
export interface AskedTopic {
  readonly name: string;
  readonly id: string;
  readonly partitions: number;
  /** The groups that count; none: all that hold any offset of the topic. */
  readonly named: readonly string[];
}

/** What some of all groups have passed of a topic. */
export interface PassedOffsets {
  /** By partition, what all that count have passed; empty without any. */
  readonly offsets: readonly number[];
  /** Those that count and hold an offset of the topic; where none is named, one of them. */
  readonly groups: readonly string[];
}

export function askedTopic({ name, id, partitions, settings }: AcknowledgedTopic): AskedTopic {
  const named = settings["retention.acknowledged.groups"];
  return { name, id: formatUuid(id), partitions: partitions.length, named };
}

/** A group has passed nothing of a partition that it holds no offset of. */
export function passedOffsets(topic: AskedTopic, stores: readonly OffsetStore[]): PassedOffsets {
  const offsets = Array.from({ length: topic.partitions }, () => Infinity);
  const groups = new Set<string>();
  for (const store of stores) {
    for (const [group, partitions] of store.ofTopic(topic.name)) {
      if (topic.named.length > 0 && !topic.named.includes(group)) continue;
      if (lower(offsets, partitions, topic)) groups.add(group);
    }
  }
  if (groups.size === 0) return { offsets: [], groups: [] };
  return { offsets, groups: [...groups].slice(0, Math.max(1, topic.named.length)) };
}

/**
 * What all groups that count have passed, for each partition of a topic, where `parts` is what all
 * groups there are have. Without groups, or before all that are named hold an offset, it is 0.
 */
export function acknowledgedOffsets(
  { partitions, named }: AskedTopic,
  parts: readonly PassedOffsets[],
): readonly number[] {
  const some = parts.filter(({ groups }) => groups.length > 0);
  const seen = new Set(some.flatMap(({ groups }) => groups));
  const isAnyMissing = seen.size === 0 || named.some((group) => !seen.has(group));
  return Array.from({ length: partitions }, (_, partition) =>
    isAnyMissing ? 0 : Math.min(...some.map(({ offsets }) => offsets[partition] ?? 0)),
  );
}

/** Answers whether the group holds an offset of this topic, not of an earlier one of its name. */
function lower(
  passed: number[],
  partitions: ReadonlyMap<number, CommittedOffset>,
  topic: AskedTopic,
): boolean {
  const id = parseUuid(topic.id);
  const own = [...partitions].filter(
    ([, { topicId }]) => topicId === null || equalBytes(topicId, id),
  );
  if (own.length === 0) return false;
  const offsets = new Map(own.map(([partition, { offset }]) => [partition, offset]));
  for (const [partition, offset] of passed.entries()) {
    passed[partition] = Math.min(offset, offsets.get(partition) ?? 0);
  }
  return true;
}
