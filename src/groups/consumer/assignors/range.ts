import type { Assignment } from "../consumer-events.ts";
import type { AssignedMember, AssignorInput } from "./assignor.ts";
import { subscribersByTopic } from "./subscribers.ts";

/**
 * Each topic is cut into contiguous ranges, one for each subscriber. Topics with the same
 * subscribers are cut in the same order of members, so that equal partitions of them meet at one
 * member (co-partitioning); who had a range before keeps his place in that order.
 */
export function assignRanges(input: AssignorInput): ReadonlyMap<string, Assignment> {
  const { members, partitionCounts } = input;
  const targets = new Map(members.map(({ id }) => [id, new Map<string, readonly number[]>()]));
  const orders = new Map<string, readonly AssignedMember[]>();
  const byRank = members.toSorted((one, other) => (rank(one) < rank(other) ? -1 : 1));
  const topics = [...subscribersByTopic(byRank, partitionCounts)];
  for (const [topicId, some] of topics.toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const set = JSON.stringify(some.map(({ id }) => id));
    const order = orders.get(set) ?? inOldPlaces(topicId, some);
    orders.set(set, order);
    for (const [index, range] of cut(partitionCounts.get(topicId) ?? 0, order.length).entries()) {
      const member = order[index] as AssignedMember;
      if (range.length > 0) targets.get(member.id)?.set(topicId, range);
    }
  }
  return targets;
}

/** Static members first, by a name that outlives their member id. */
function rank({ id, instanceId }: AssignedMember): string {
  return instanceId === null ? `1${id}` : `0${instanceId}`;
}

function inOldPlaces(topicId: string, some: readonly AssignedMember[]): readonly AssignedMember[] {
  const place = ({ previous }: AssignedMember): number => previous.get(topicId)?.[0] ?? Infinity;
  // Equal places, infinite ones among them, keep the order they come in.
  return some.toSorted((one, other) => {
    const [left, right] = [place(one), place(other)];
    return left === right ? 0 : left - right;
  });
}

/** The first ones get one partition more where it does not divide evenly. */
function cut(partitionCount: number, memberCount: number): number[][] {
  const least = Math.floor(partitionCount / memberCount);
  const larger = partitionCount % memberCount;
  let next = 0;
  return Array.from({ length: memberCount }, (_, index) => {
    const length = least + (index < larger ? 1 : 0);
    return Array.from({ length }, () => next++);
  });
}
