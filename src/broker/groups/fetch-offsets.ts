import type { Broker } from "../broker.ts";
import type { OffsetFetchResult, WantedOffset } from "./group-offsets.ts";

/**
 * OffsetFetch: `wanted` null asks for all. An offset that was committed for a topic which was
 * deleted since is not that of the present topic of its name, even when a crash kept the deletion
 * from reaching the group: it reads as none.
 */
export function fetchOffsets(
  { topics, groups }: Pick<Broker, "topics" | "groups">,
  group: string,
  wanted: readonly WantedOffset[] | null,
): OffsetFetchResult {
  const withId = ({ topic, partition, topicId }: WantedOffset): WantedOffset => {
    const id = topicId ?? topics.find(topic)?.id;
    return id === undefined ? { topic, partition } : { topic, partition, topicId: id };
  };
  if (wanted !== null) return groups.fetchOffsets(group, wanted.map(withId));
  const { error, offsets } = groups.fetchOffsets(group, null);
  if (error !== null) return { error, offsets };
  const present = groups.fetchOffsets(group, offsets.map(withId)).offsets;
  return { error, offsets: present.filter((one, at) => one.offset === offsets[at]?.offset) };
}
