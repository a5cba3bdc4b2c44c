import type { ErrorCode } from "../../base/errors.ts";
import type { HeartbeatRequest, Instant } from "./classic-events.ts";
import {
  completeJoin,
  onJoinDeadline,
  onSyncDeadline,
  prepareRebalance,
} from "./classic-rebalance.ts";
import { checkMember, type ClassicState } from "./classic-state.ts";

/** Heartbeat: counts as heard also while it tells of a rebalance. */
export function heartbeat(
  state: ClassicState,
  request: HeartbeatRequest,
  now: Instant,
): ErrorCode | null {
  if (state.phase === "Dead") return "COORDINATOR_NOT_AVAILABLE";
  const error = checkMember(state, request);
  if (error !== null) return error;
  if (request.generation !== state.generation) return "ILLEGAL_GENERATION";
  const member = state.roster.find(request.memberId);
  if (member === undefined || state.phase === "Empty") return "UNKNOWN_MEMBER_ID";
  state.touch(member, now);
  return state.phase === "PreparingRebalance" ? "REBALANCE_IN_PROGRESS" : null;
}

/** Does all that is due, then finds out when to look again. */
export function tick(state: ClassicState, now: Instant): void {
  dropOverdueIds(state, now);
  dropSilentMembers(state, now);
  if (state.joinDeadlineMs <= now.monotonicMs) onJoinDeadline(state, now);
  if (state.syncDeadlineMs <= now.monotonicMs) onSyncDeadline(state, now);
  state.wakeAtMs = earliestDeadline(state);
}

function dropOverdueIds(state: ClassicState, now: Instant): void {
  for (const [memberId, deadlineMs] of state.roster.pendingIds) {
    if (deadlineMs > now.monotonicMs) continue;
    state.roster.pendingIds.delete(memberId);
    endJoinIfComplete(state, now);
  }
}

function dropSilentMembers(state: ClassicState, now: Instant): void {
  for (const member of state.roster.all()) {
    if (member.sessionDeadlineMs > now.monotonicMs) continue;
    member.sessionDeadlineMs = Infinity;
    // A waiting member gets its next deadline with the answer to what it waits for.
    if (member.isExcusedFromHeartbeat || state.roster.find(member.id) !== member) continue;
    state.remove(member, "UNKNOWN_MEMBER_ID");
    if (state.phase === "PreparingRebalance") endJoinIfComplete(state, now);
    else prepareRebalance(state, now);
  }
}

/** Unlike those who leave, the silent end the first join phase of a group as well. */
function endJoinIfComplete(state: ClassicState, now: Instant): void {
  const isOver = state.phase === "PreparingRebalance" && state.roster.hasEverybodyJoined;
  if (isOver) completeJoin(state, now);
}

function earliestDeadline(state: ClassicState): number {
  let earliestMs = Math.min(state.joinDeadlineMs, state.syncDeadlineMs);
  for (const deadlineMs of state.roster.pendingIds.values()) {
    earliestMs = Math.min(earliestMs, deadlineMs);
  }
  for (const member of state.roster.all()) {
    earliestMs = Math.min(earliestMs, member.sessionDeadlineMs);
  }
  return earliestMs;
}
