import type { ErrorCode } from "../../base/errors.ts";
import { joiningEpoch, leavingStaticEpoch, type ConsumerHeartbeat } from "./consumer-events.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import type { ConsumerState } from "./consumer-state.ts";
import { holdsAll } from "./held-partitions.ts";

/** Who a heartbeat comes from. */
export type FoundMember =
  | { readonly kind: "known"; readonly member: ConsumerMember }
  /** Takes the place of a static member that has left for a while. */
  | { readonly kind: "successor"; readonly old: ConsumerMember }
  | { readonly kind: "new" }
  | { readonly kind: "refused"; readonly error: ErrorCode };

/** Semantics 9, checks 6 and 7. For those who leave as well. */
export function findMember(state: ConsumerState, request: ConsumerHeartbeat): FoundMember {
  const { memberId, instanceId, memberEpoch } = request;
  if (instanceId !== null) return findStatic(state, request, instanceId);
  const member = state.members.get(memberId);
  if (member !== undefined) return checkEpoch(member, request);
  return memberEpoch === joiningEpoch ? { kind: "new" } : refused("UNKNOWN_MEMBER_ID");
}

function findStatic(
  state: ConsumerState,
  request: ConsumerHeartbeat,
  instanceId: string,
): FoundMember {
  const isJoining = request.memberEpoch === joiningEpoch;
  const knownId = state.memberOfInstance.get(instanceId);
  const old = knownId === undefined ? undefined : state.members.get(knownId);
  if (old === undefined) return isJoining ? { kind: "new" } : refused("UNKNOWN_MEMBER_ID");
  if (old.id === request.memberId) return checkEpoch(old, request);
  if (!isJoining) return refused("FENCED_INSTANCE_ID");
  const hasLeft = old.epoch === leavingStaticEpoch;
  return hasLeft ? { kind: "successor", old } : refused("UNRELEASED_INSTANCE_ID");
}

/** A member that missed the last answer may come with the epoch before, if it holds no more. */
function checkEpoch(member: ConsumerMember, request: ConsumerHeartbeat): FoundMember {
  const { memberEpoch, ownedPartitions } = request;
  const known = { kind: "known", member } as const;
  if (memberEpoch <= joiningEpoch || memberEpoch === member.epoch) return known;
  const isLate = memberEpoch < member.epoch && memberEpoch === member.previousEpoch;
  const holdsNoMore = ownedPartitions !== null && holdsAll(member.assigned, ownedPartitions);
  return isLate && holdsNoMore ? known : refused("FENCED_MEMBER_EPOCH");
}

function refused(error: ErrorCode): FoundMember {
  return { kind: "refused", error };
}
