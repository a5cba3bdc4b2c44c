import type { CallId, Instant } from "../classic/classic-events.ts";
import { checkHeartbeat } from "./check-heartbeat.ts";
import {
  joiningEpoch,
  leavingEpoch,
  leavingStaticEpoch,
  type ConsumerHeartbeat,
} from "./consumer-events.ts";
import { ConsumerMember, type MemberTerms } from "./consumer-member.ts";
import type { ConsumerState } from "./consumer-state.ts";
import { findMember } from "./find-member.ts";
import { nothingHeld, toAssignment, type HeldPartitions } from "./held-partitions.ts";
import { noteChanges, renewTarget } from "./plan-target.ts";
import { reconcileMember } from "./reconcile-member.ts";

interface Asked {
  readonly call: CallId;
  readonly request: ConsumerHeartbeat;
  readonly now: Instant;
}

/** ConsumerGroupHeartbeat (semantics 9): joins, keeps up with, and leaves a group. */
export function heartbeat(state: ConsumerState, { call, request, now }: Asked): void {
  const { memberId, memberEpoch } = request;
  const bad = checkHeartbeat(request, state.limits.assignors);
  if (bad !== null) return state.refuse(call, memberId, bad);
  const found = findMember(state, request);
  if (found.kind === "refused") return state.refuse(call, memberId, found.error);
  if (found.kind === "known") {
    if (memberEpoch < joiningEpoch) return leave(state, found.member, { call, request, now });
    return keepUp(
      state,
      { member: found.member, hasChanged: update(state, found.member, request) },
      {
        call,
        request,
        now,
      },
    );
  }
  if (found.kind === "successor") {
    const { member, hasChanged } = succeed(state, found.old, request);
    return keepUp(state, { member, hasChanged }, { call, request, now });
  }
  if (state.members.size >= state.limits.membersMax) {
    return state.refuse(call, memberId, "GROUP_MAX_SIZE_REACHED");
  }
  const member = join(state, request);
  keepUp(state, { member, hasChanged: true }, { call, request, now });
}

function keepUp(
  state: ConsumerState,
  { member, hasChanged }: { member: ConsumerMember; hasChanged: boolean },
  { call, request, now }: Asked,
): void {
  state.touch(member, now);
  noteChanges(state, hasChanged);
  renewTarget(state, now);
  const before = member.assigned;
  reconcileMember(state, member, { owned: request.ownedPartitions, now });
  const isTold = member.assigned !== before || wantsAssignment(request);
  state.answer(call, {
    error: null,
    memberId: member.id,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: state.limits.heartbeatIntervalMs,
    assignment: isTold ? toAssignment(member.assigned) : null,
  });
}

/** Who joins, or says all of himself, may have missed an answer. */
function wantsAssignment(request: ConsumerHeartbeat): boolean {
  const { memberEpoch, rebalanceTimeoutMs, subscribedTopics, ownedPartitions } = request;
  const isFull = rebalanceTimeoutMs !== -1 && subscribedTopics !== null && ownedPartitions !== null;
  return memberEpoch === joiningEpoch || isFull;
}

function join(state: ConsumerState, request: ConsumerHeartbeat): ConsumerMember {
  // The same process comes as a static member now: nothing of the other one remains.
  const other = state.members.get(request.memberId);
  if (other !== undefined) state.remove(other);
  const member = new ConsumerMember(request.memberId, mergeTerms(newcomer, request));
  state.add(member);
  return member;
}

/** The group goes on as if the static member had never been away. */
function succeed(
  state: ConsumerState,
  old: ConsumerMember,
  request: ConsumerHeartbeat,
): { member: ConsumerMember; hasChanged: boolean } {
  const member = new ConsumerMember(request.memberId, old.terms);
  member.assigned = old.assigned;
  const target = state.targetOf(old.id);
  state.remove(old);
  state.add(member);
  state.setTarget(member.id, target);
  return { member, hasChanged: update(state, member, request) };
}

/** Answers whether the member subscribes to other topics than before. */
function update(state: ConsumerState, member: ConsumerMember, request: ConsumerHeartbeat): boolean {
  if (request.memberEpoch === joiningEpoch && member.epoch < joiningEpoch) member.epoch = 0;
  const before = member.terms;
  const terms = mergeTerms(before, request);
  const hasChanged = !isSameList(before.subscribedTopics, terms.subscribedTopics);
  const isSame =
    !hasChanged &&
    terms.rackId === before.rackId &&
    terms.clientId === before.clientId &&
    terms.clientHost === before.clientHost &&
    terms.rebalanceTimeoutMs === before.rebalanceTimeoutMs &&
    terms.serverAssignor === before.serverAssignor;
  if (!isSame) state.setTerms(member, terms);
  return hasChanged;
}

function leave(state: ConsumerState, member: ConsumerMember, { call, request, now }: Asked): void {
  if (request.memberEpoch === leavingStaticEpoch) {
    member.epoch = leavingStaticEpoch;
    member.phase = "stable";
    member.revocationDeadlineMs = Infinity;
    const assigned: HeldPartitions = member.assigned;
    state.setHeld(member, { assigned, pendingRevocation: nothingHeld });
    state.touch(member, now);
  } else {
    state.remove(member);
    noteChanges(state, true);
  }
  const isForGood = request.memberEpoch === leavingEpoch;
  state.answer(call, {
    error: null,
    memberId: member.id,
    memberEpoch: isForGood ? leavingEpoch : leavingStaticEpoch,
    heartbeatIntervalMs: 0,
    assignment: null,
  });
}

const newcomer: MemberTerms = {
  instanceId: null,
  rackId: null,
  clientId: "",
  clientHost: "",
  subscribedTopics: [],
  rebalanceTimeoutMs: -1,
  serverAssignor: null,
};

function mergeTerms(known: MemberTerms, request: ConsumerHeartbeat): MemberTerms {
  const { subscribedTopics, rebalanceTimeoutMs } = request;
  return {
    instanceId: request.instanceId ?? known.instanceId,
    rackId: request.rackId ?? known.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    subscribedTopics:
      subscribedTopics === null
        ? known.subscribedTopics
        : [...new Set(subscribedTopics)].toSorted(),
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? known.rebalanceTimeoutMs : rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? known.serverAssignor,
  };
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}
