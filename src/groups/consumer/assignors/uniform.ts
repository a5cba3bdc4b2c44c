import type { Assignment } from "../consumer-events.ts";
import type { AssignedMember, AssignorInput } from "./assignor.ts";
import { subscribersByTopic } from "./subscribers.ts";

/** A member while targets are computed. */
interface Load {
  readonly member: AssignedMember;
  readonly partitions: Map<string, number[]>;
  count: number;
}

/**
 * Even and sticky. Everyone keeps what he had and may have; what nobody has goes to the least
 * loaded of its subscribers; then single partitions move from members to subscribers that have at
 * least two less, until there are no such. With equal subscriptions loads differ by one at most.
 */
export function assignUniformly(input: AssignorInput): ReadonlyMap<string, Assignment> {
  const members = input.members.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const loads = members.map((member): Load => ({ member, partitions: new Map(), count: 0 }));
  const byId = new Map(loads.map((load) => [load.member.id, load]));
  const subscribers = new Map<string, Load[]>();
  for (const [topicId, some] of subscribersByTopic(members, input.partitionCounts)) {
    subscribers.set(
      topicId,
      some.map(({ id }) => byId.get(id) as Load),
    );
  }
  for (const [topicId, some] of bySubscriberCount(subscribers)) {
    const free = keepPrevious(topicId, some, input.partitionCounts.get(topicId) ?? 0);
    spread(topicId, some, free);
  }
  level(loads, subscribers);
  return new Map(loads.map(({ member, partitions }) => [member.id, sorted(partitions)]));
}

/** Topics with few subscribers first: those who can take others as well fill up later. */
function bySubscriberCount(subscribers: ReadonlyMap<string, Load[]>): [string, Load[]][] {
  return [...subscribers].toSorted(([id, some], [otherId, others]) =>
    some.length === others.length ? (id < otherId ? -1 : 1) : some.length - others.length,
  );
}

/** Answers the partitions that no subscriber had. */
function keepPrevious(topicId: string, some: readonly Load[], partitionCount: number): number[] {
  const isTaken = new Uint8Array(partitionCount);
  for (const load of some) {
    for (const partition of load.member.previous.get(topicId) ?? []) {
      if (partition >= partitionCount || isTaken[partition] === 1) continue;
      isTaken[partition] = 1;
      give(load, topicId, partition);
    }
  }
  const free: number[] = [];
  for (let partition = 0; partition < partitionCount; partition++) {
    if (isTaken[partition] === 0) free.push(partition);
  }
  return free;
}

/** Like water: the lowest rises until it stands as high as the next, then both rise. */
function spread(topicId: string, some: readonly Load[], free: readonly number[]): void {
  const rising = some.toSorted((one, other) => one.count - other.count);
  let at = 0;
  for (const partition of free) {
    const load = rising[at] as Load;
    give(load, topicId, partition);
    const next = rising[at + 1];
    at = next !== undefined && next.count < load.count ? at + 1 : 0;
  }
}

/**
 * In each round everyone gives one partition away at most, so that nobody gives more than he must.
 * Ends: each move lowers the sum of the squares of all loads.
 */
function level(loads: readonly Load[], subscribers: ReadonlyMap<string, readonly Load[]>): void {
  for (let hasMoved = true; hasMoved;) {
    hasMoved = false;
    const falling = loads.toSorted((one, other) => other.count - one.count);
    if ((falling[0]?.count ?? 0) - (falling.at(-1)?.count ?? 0) < 2) return;
    for (const load of falling) if (shed(load, subscribers)) hasMoved = true;
  }
}

/** Gives one partition to a subscriber that has at least two less; false: there is none. */
function shed(load: Load, subscribers: ReadonlyMap<string, readonly Load[]>): boolean {
  for (const [topicId, own] of load.partitions) {
    const some = subscribers.get(topicId) ?? [];
    const lowest = some.reduce((low, one) => (one.count < low.count ? one : low), load);
    const partition = load.count - lowest.count < 2 ? undefined : own.pop();
    if (partition === undefined) continue;
    give(lowest, topicId, partition);
    load.count--;
    return true;
  }
  return false;
}

function give(load: Load, topicId: string, partition: number): void {
  const own = load.partitions.get(topicId);
  if (own === undefined) load.partitions.set(topicId, [partition]);
  else own.push(partition);
  load.count++;
}

function sorted(partitions: ReadonlyMap<string, readonly number[]>): Assignment {
  const target = new Map<string, readonly number[]>();
  for (const [topicId, some] of partitions) {
    if (some.length > 0)
      target.set(
        topicId,
        some.toSorted((one, other) => one - other),
      );
  }
  return target;
}
