import type { AssignedMember } from "./assignor.ts";

/** The members that subscribe to each topic, in the order of `members`. */
export function subscribersByTopic(
  members: readonly AssignedMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly AssignedMember[]> {
  const subscribers = new Map<string, AssignedMember[]>();
  for (const member of members) {
    for (const topicId of member.topicIds) {
      if (!partitionCounts.has(topicId)) continue;
      const some = subscribers.get(topicId);
      if (some === undefined) subscribers.set(topicId, [member]);
      else some.push(member);
    }
  }
  return subscribers;
}
