import type { ErrorCode } from "../../base/errors.ts";
import type { Instant } from "./classic-events.ts";
import type { ClassicState } from "./classic-state.ts";

const nothing = new Uint8Array(0);

/** Starts a rebalance where one may start; else looks whether the one under way is complete. */
export function rebalance(state: ClassicState, now: Instant): void {
  if (state.phase === "PreparingRebalance") completeJoinIfAllJoined(state, now);
  else prepareRebalance(state, now);
}

export function prepareRebalance(state: ClassicState, now: Instant): void {
  if (state.phase === "CompletingRebalance") dropAssignments(state, "REBALANCE_IN_PROGRESS", now);
  state.awaitedSyncs.clear();
  state.syncDeadlineMs = Infinity;
  const isInitial = state.phase === "Empty";
  state.moveTo("PreparingRebalance", now);
  if (isInitial) startInitialDelay(state, now);
  else if (state.roster.hasEverybodyJoined) completeJoin(state, now);
  else waitForJoins(state, now);
}

/** The first join phase of an empty group ends by its delay alone. */
export function completeJoinIfAllJoined(state: ClassicState, now: Instant): void {
  if (state.phase !== "PreparingRebalance" || state.isInitialRebalance) return;
  if (state.roster.hasEverybodyJoined) completeJoin(state, now);
}

/** Ends the join phase with those who came. */
export function completeJoin(state: ClassicState, now: Instant): void {
  state.joinDeadlineMs = Infinity;
  for (const member of state.roster.all()) {
    if (member.joinCall === null && !member.isStatic) state.remove(member, "UNKNOWN_MEMBER_ID");
  }
  if (!electJoinedLeader(state)) return waitForJoins(state, now);
  state.generation++;
  if (state.roster.size === 0) becomeEmpty(state, now);
  else startSyncs(state, now);
}

/** The join deadline has passed. */
export function onJoinDeadline(state: ClassicState, now: Instant): void {
  const { hasNewMember, stepMs, remainingMs } = state.initialDelay;
  if (!state.isInitialRebalance || !hasNewMember || remainingMs === 0) {
    return completeJoin(state, now);
  }
  const nextMs = Math.min(state.limits.initialRebalanceDelayMs, remainingMs);
  state.initialDelay = {
    hasNewMember: false,
    stepMs: nextMs,
    remainingMs: Math.max(remainingMs - stepMs, 0),
  };
  setJoinDeadline(state, now.monotonicMs + nextMs);
}

/** Members that never sent their SyncGroup go, and the others start over. */
export function onSyncDeadline(state: ClassicState, now: Instant): void {
  state.syncDeadlineMs = Infinity;
  if (state.awaitedSyncs.size === 0) return;
  for (const memberId of state.awaitedSyncs) {
    const member = state.roster.find(memberId);
    if (member !== undefined) state.remove(member, "UNKNOWN_MEMBER_ID");
  }
  prepareRebalance(state, now);
}

/** Takes the assignments of a generation back; waiting SyncGroups get the error. */
export function dropAssignments(state: ClassicState, error: ErrorCode, now: Instant): void {
  for (const member of state.roster.all()) {
    member.assignment = nothing;
    if (member.syncCall === null) continue;
    state.refuseSync(member, error);
    state.touch(member, now);
  }
}

function startInitialDelay(state: ClassicState, now: Instant): void {
  const delayMs = state.limits.initialRebalanceDelayMs;
  if (delayMs === 0) return completeJoin(state, now);
  const remainingMs = Math.max(state.roster.rebalanceTimeoutMs() - delayMs, 0);
  state.initialDelay = { hasNewMember: false, stepMs: delayMs, remainingMs };
  setJoinDeadline(state, now.monotonicMs + delayMs);
}

function waitForJoins(state: ClassicState, now: Instant): void {
  setJoinDeadline(state, now.monotonicMs + state.roster.rebalanceTimeoutMs());
}

function setJoinDeadline(state: ClassicState, atMs: number): void {
  state.joinDeadlineMs = atMs;
  state.wakeBy(atMs);
}

/** False: there are members, and none of them came, so there is nobody to lead. */
function electJoinedLeader(state: ClassicState): boolean {
  if (state.leader === null) return true;
  if (state.roster.find(state.leader)?.joinCall !== null) return true;
  const successor = state.roster.firstWaitingToJoin();
  if (successor === undefined) return false;
  state.leader = successor.id;
  return true;
}

function becomeEmpty(state: ClassicState, now: Instant): void {
  state.protocolName = null;
  state.learnSubscriptions();
  state.moveTo("Empty", now);
  state.write({ kind: "none" });
}

function startSyncs(state: ClassicState, now: Instant): void {
  state.protocolName = state.roster.selectProtocol();
  state.learnSubscriptions();
  state.moveTo("CompletingRebalance", now);
  state.awaitedSyncs.clear();
  for (const member of state.roster.all()) {
    state.answerJoin(member, state.currentJoin(member));
    state.touch(member, now);
    member.isNew = false;
    state.awaitedSyncs.add(member.id);
  }
  state.syncDeadlineMs = now.monotonicMs + state.roster.rebalanceTimeoutMs();
  state.wakeBy(state.syncDeadlineMs);
}
