import { equalBytes } from "../../base/bytes.ts";
import type { CommittedOffset } from "../../groups/group-record.ts";
import type { OffsetStore } from "../../groups/offsets/offset-store.ts";
import type { AcknowledgedTopic } from "../retention/acknowledging.ts";

/**
 * What all groups that count have passed, for each partition of a topic. Those named in
 * `retention.acknowledged.groups` count; where none is, those that hold any offset of the topic. A
 * group has passed nothing of a partition that it holds no offset of. Without groups it is 0.
 */
export function acknowledgedOffsets(
  topic: AcknowledgedTopic,
  stores: readonly OffsetStore[],
): readonly number[] {
  const named = topic.settings["retention.acknowledged.groups"];
  const passed = topic.partitions.map(() => Infinity);
  const seen = new Set<string>();
  for (const store of stores) {
    for (const [group, partitions] of store.ofTopic(topic.name)) {
      if (named.length > 0 && !named.includes(group)) continue;
      const lowered = lower(passed, partitions, topic);
      if (lowered) seen.add(group);
    }
  }
  const isAnyMissing = seen.size === 0 || named.some((group) => !seen.has(group));
  return isAnyMissing ? passed.map(() => 0) : passed;
}

/** Answers whether the group holds an offset of this topic, not of an earlier one of its name. */
function lower(
  passed: number[],
  partitions: ReadonlyMap<number, CommittedOffset>,
  { id }: AcknowledgedTopic,
): boolean {
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
