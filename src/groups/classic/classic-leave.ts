import type { ErrorCode } from "../../base/errors.ts";
import type { CallId, Instant, LeavingMember } from "./classic-events.ts";
import { rebalance } from "./classic-rebalance.ts";
import { checkMember, type ClassicState } from "./classic-state.ts";

/**
 * LeaveGroup: each member by its id, or by its instance id alone. The answer waits for the record
 * of an emptied group.
 */
export function leave(
  state: ClassicState,
  request: { call: CallId; members: readonly LeavingMember[]; now: Instant },
): void {
  const { call, members, now } = request;
  if (state.phase === "Dead") {
    const answer = { error: "COORDINATOR_NOT_AVAILABLE" as const, errors: [] };
    return state.emit({ kind: "answerLeave", call, answer });
  }
  const errors = members.map((member) => leaveOne(state, member));
  const answer = { error: null, errors };
  const writesBefore = state.pendingWrites.size;
  if (errors.includes(null) && state.phase !== "Empty") rebalance(state, now);
  const write = [...state.pendingWrites.keys()].at(-1);
  if (write === undefined || state.pendingWrites.size === writesBefore) {
    return state.emit({ kind: "answerLeave", call, answer });
  }
  state.pendingWrites.set(write, { kind: "leave", call, answer });
}

function leaveOne(state: ClassicState, leaving: LeavingMember): ErrorCode | null {
  const { memberId, instanceId } = leaving;
  if (memberId === "") {
    const known = instanceId === null ? undefined : state.roster.findIdOfInstance(instanceId);
    return known === undefined ? "UNKNOWN_MEMBER_ID" : removeMember(state, known);
  }
  if (state.roster.pendingIds.delete(memberId)) return null;
  return checkMember(state, leaving) ?? removeMember(state, memberId);
}

function removeMember(state: ClassicState, memberId: string): ErrorCode | null {
  const member = state.roster.find(memberId);
  if (member === undefined) return "UNKNOWN_MEMBER_ID";
  state.remove(member, "UNKNOWN_MEMBER_ID");
  return null;
}
