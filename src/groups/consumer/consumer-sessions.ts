import type { Instant } from "../classic/classic-events.ts";
import type { ConsumerState } from "./consumer-state.ts";
import { noteChanges, renewTarget } from "./plan-target.ts";

/**
 * Removes who was silent for the session timeout or did not give up in time what he was told to,
 * computes a target that had to wait, and finds out when to look again.
 */
export function tick(state: ConsumerState, now: Instant): void {
  const countBefore = state.members.size;
  for (const member of state.members.values()) {
    const deadlineMs = Math.min(member.sessionDeadlineMs, member.revocationDeadlineMs);
    if (deadlineMs <= now.monotonicMs) state.remove(member);
  }
  if (state.members.size < countBefore) noteChanges(state, true);
  state.wakeAtMs = earliestDeadline(state);
  renewTarget(state, now);
}

/** Members of a group that was just loaded have a whole session to be heard of. */
export function startSessions(state: ConsumerState, now: Instant): void {
  for (const member of state.members.values()) {
    state.touch(member, now);
    if (member.phase !== "unrevoked") continue;
    member.revocationDeadlineMs = now.monotonicMs + member.terms.rebalanceTimeoutMs;
    state.wakeBy(member.revocationDeadlineMs);
  }
}

function earliestDeadline(state: ConsumerState): number {
  let earliestMs = Infinity;
  for (const { sessionDeadlineMs, revocationDeadlineMs } of state.members.values()) {
    earliestMs = Math.min(earliestMs, sessionDeadlineMs, revocationDeadlineMs);
  }
  return earliestMs;
}
