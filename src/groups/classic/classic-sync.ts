import type { ErrorCode } from "../../base/errors.ts";
import type { CallId, Instant, SyncAnswer, SyncRequest } from "./classic-events.ts";
import type { ClassicMember } from "./classic-member.ts";
import { dropAssignments, prepareRebalance } from "./classic-rebalance.ts";
import { checkMember, refusedSync, type ClassicState } from "./classic-state.ts";

const nothing = new Uint8Array(0);

/** SyncGroup: members wait for the leader's assignments; a stable group answers at once. */
export function sync(
  state: ClassicState,
  { call, request }: { call: CallId; request: SyncRequest },
): void {
  const error = checkSync(state, request);
  const member = state.roster.find(request.memberId);
  if (error !== null || member === undefined) {
    const answer = refusedSync(error ?? "UNKNOWN_MEMBER_ID");
    return state.emit({ kind: "answerSync", call, answer });
  }
  state.awaitedSyncs.delete(member.id);
  if (state.awaitedSyncs.size === 0) state.syncDeadlineMs = Infinity;
  if (state.phase === "Stable") {
    return state.emit({ kind: "answerSync", call, answer: assigned(state, member) });
  }
  state.waitSync(member, call);
  if (state.isLeader(member.id)) storeAssignments(state, request);
}

/** The leader's assignments are stored, or could not be: only now the members hear of them. */
export function finishSync(
  state: ClassicState,
  outcome: {
    generation: number;
    assignments: ReadonlyMap<string, Uint8Array>;
    error: ErrorCode | null;
    now: Instant;
  },
): void {
  const { generation, assignments, error, now } = outcome;
  if (state.phase !== "CompletingRebalance" || generation !== state.generation) return;
  if (error !== null) {
    dropAssignments(state, error, now);
    return prepareRebalance(state, now);
  }
  for (const member of state.roster.all()) {
    member.assignment = assignments.get(member.id) ?? nothing;
    if (member.syncCall === null) continue;
    state.emit({ kind: "answerSync", call: member.syncCall, answer: assigned(state, member) });
    member.syncCall = null;
    state.touch(member, now);
  }
  state.moveTo("Stable", now);
}

function checkSync(state: ClassicState, request: SyncRequest): ErrorCode | null {
  if (state.phase === "Dead") return "COORDINATOR_NOT_AVAILABLE";
  if (state.phase === "Empty") return "UNKNOWN_MEMBER_ID";
  const error = checkMember(state, request);
  if (error !== null) return error;
  if (request.generation !== state.generation) return "ILLEGAL_GENERATION";
  const { protocolType, protocolName } = request;
  const isOther =
    (protocolType !== null && protocolType !== state.protocolType) ||
    (protocolName !== null && protocolName !== state.protocolName);
  if (isOther) return "INCONSISTENT_GROUP_PROTOCOL";
  return state.phase === "PreparingRebalance" ? "REBALANCE_IN_PROGRESS" : null;
}

/** Copies the assignments: they outlive the request's frame. */
function storeAssignments(state: ClassicState, request: SyncRequest): void {
  const assignments = new Map(
    request.assignments.map(({ memberId, assignment }) => [memberId, assignment.slice()]),
  );
  state.write({ kind: "assign", generation: state.generation, assignments }, assignments);
}

function assigned(state: ClassicState, member: ClassicMember): SyncAnswer {
  return {
    error: null,
    protocolType: state.protocolType,
    protocolName: state.protocolName,
    assignment: member.assignment,
  };
}
