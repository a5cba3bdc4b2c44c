import { xxhash32 } from "../../base/xxhash32.ts";
import { encodeUtf8 } from "../../base/text.ts";
import type { Instant } from "../classic/classic-events.ts";
import { assignors, chooseAssignor, type AssignedMember } from "./assignors/assignor.ts";
import type { Assignment, GroupTopic } from "./consumer-events.ts";
import type { ConsumerState } from "./consumer-state.ts";

/**
 * Raises the group epoch when members or subscriptions have changed (`hasChanged`) or the topics
 * that they subscribe to have.
 */
export function noteChanges(state: ConsumerState, hasChanged: boolean): void {
  const topics = findTopics(state);
  let isOther = hasChanged;
  if (topics !== undefined) {
    state.topics = topics;
    const hash = hashTopics(topics);
    isOther ||= hash !== state.metadataHash;
    state.metadataHash = hash;
  }
  if (isOther) state.bumpEpoch();
}

/**
 * Computes a new target when the group has moved on since the last one. Soon after another one it
 * waits: what comes meanwhile is answered together. A group that was just loaded waits for somebody
 * to look at its topics.
 */
export function renewTarget(state: ConsumerState, now: Instant): void {
  const { topics } = state;
  if (topics === undefined) return;
  if (state.epoch === state.targetEpoch || state.members.size === 0) return;
  if (now.monotonicMs < state.nextTargetAtMs) return state.wakeBy(state.nextTargetAtMs);
  const { limits } = state;
  const wanted = [...state.members.values()].map(({ terms }) => terms.serverAssignor);
  state.assignor = chooseAssignor(wanted, limits.assignors);
  const partitionCounts = new Map(
    [...topics.values()].map(({ id, partitionCount }) => [id, partitionCount]),
  );
  const targets = assignors[state.assignor]({ members: assigned(state, topics), partitionCounts });
  for (const [memberId, target] of targets) {
    if (!isSame(state.targetOf(memberId), target)) state.setTarget(memberId, target);
  }
  state.targetEpoch = state.epoch;
  state.targetTimestampMs = now.wallMs;
  state.nextTargetAtMs = now.monotonicMs + limits.assignmentIntervalMs;
  state.stale.add({ kind: "target" });
}

/** Undefined: all as they were when they were last looked at. */
function findTopics(state: ConsumerState): ReadonlyMap<string, GroupTopic> | undefined {
  const { topics: known } = state;
  let isSameAll = known !== undefined;
  let count = 0;
  for (const name of state.subscribedTopics()) {
    const found = state.limits.topics.find(name);
    const seen = known?.get(name);
    if (found !== undefined) count++;
    const isSameTopic = found?.id === seen?.id && found?.partitionCount === seen?.partitionCount;
    if (!isSameTopic) isSameAll = false;
  }
  if (isSameAll && count === known?.size) return undefined;
  const topics = new Map<string, GroupTopic>();
  for (const name of state.subscribedTopics()) {
    const found = state.limits.topics.find(name);
    if (found !== undefined) topics.set(name, found);
  }
  return topics;
}

/** Tells other metadata from the one that is stored; of 52 bits, which a double holds exactly. */
function hashTopics(topics: ReadonlyMap<string, GroupTopic>): number {
  const lines = [...topics.values()]
    .map(({ name, id, partitionCount }) => `${name}/${id}/${partitionCount}`)
    .toSorted();
  if (lines.length === 0) return 0;
  const text = lines.join("\n");
  return xxhash32(encodeUtf8(text)) * 0x10_0000 + (xxhash32(encodeUtf8(`${text}\n`)) >>> 12);
}

function assigned(
  state: ConsumerState,
  topics: ReadonlyMap<string, GroupTopic>,
): readonly AssignedMember[] {
  return [...state.members.values()].map(({ id, terms }) => ({
    id,
    instanceId: terms.instanceId,
    topicIds: terms.subscribedTopics.flatMap((name) => topics.get(name)?.id ?? []),
    previous: state.targetOf(id),
  }));
}

function isSame(one: Assignment, other: Assignment): boolean {
  if (one.size !== other.size) return false;
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId);
    if (others?.length !== partitions.length) return false;
    if (partitions.some((partition, at) => others[at] !== partition)) return false;
  }
  return true;
}
