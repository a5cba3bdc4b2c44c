import type { ErrorCode } from "../../base/errors.ts";
import type { CallId, Instant, JoinRequest } from "./classic-events.ts";
import { ClassicMember, type MemberTerms } from "./classic-member.ts";
import { completeJoinIfAllJoined, prepareRebalance, rebalance } from "./classic-rebalance.ts";
import { checkMember, refusedJoin, type ClassicState } from "./classic-state.ts";

/** JoinGroup, in Kafka's order of checks (semantics of classic groups, JoinGroup 3 to 8). */
export function join(
  state: ClassicState,
  { call, request, now }: { call: CallId; request: JoinRequest; now: Instant },
): void {
  const turn: JoinTurn = { state, call, request, now };
  if (state.phase === "Dead") return refuse(turn, "COORDINATOR_NOT_AVAILABLE");
  if (!acceptsMember(turn)) return refuseForSize(turn);
  if (!supportsProtocols(turn)) return refuse(turn, "INCONSISTENT_GROUP_PROTOCOL");
  if (request.memberId !== "") return joinKnown(turn);
  if (request.instanceId !== null) return joinNewStatic(turn, request.instanceId);
  const memberId = newMemberId(request.clientId, request.uuid);
  if (request.requiresKnownMemberId) return handOutId(turn, memberId);
  addMember(turn, memberId);
}

/** A member id must fit every version's strings, however long the name it begins with. */
function newMemberId(name: string, uuid: string): string {
  return `${name.slice(0, 249)}-${uuid}`;
}

interface JoinTurn {
  readonly state: ClassicState;
  readonly call: CallId;
  readonly request: JoinRequest;
  readonly now: Instant;
}

function refuse({ state, call, request }: JoinTurn, error: ErrorCode): void {
  state.emit({ kind: "answerJoin", call, answer: refusedJoin(error, request.memberId) });
}

/**
 * While the group prepares, the size is that of the members who wait: so the last to rejoin are
 * left out when the limit has been lowered.
 */
function acceptsMember({ state, request }: JoinTurn): boolean {
  const { roster, limits, phase } = state;
  const known = roster.find(request.memberId);
  if (phase === "Empty") return true;
  if (phase !== "PreparingRebalance") {
    return known !== undefined || roster.size < limits.membersMax;
  }
  return (known?.joinCall ?? null) !== null || roster.waitingJoins < limits.membersMax;
}

function refuseForSize({ state, call, request, now }: JoinTurn): void {
  const error = "GROUP_MAX_SIZE_REACHED";
  state.emit({ kind: "answerJoin", call, answer: refusedJoin(error, "") });
  state.roster.pendingIds.delete(request.memberId);
  const known = state.roster.find(request.memberId);
  if (known !== undefined) state.remove(known, error);
  completeJoinIfAllJoined(state, now);
}

function supportsProtocols({ state, request }: JoinTurn): boolean {
  if (state.phase === "Empty") return request.protocolType !== "" && request.protocols.length > 0;
  return (
    state.protocolType === request.protocolType && state.roster.sharesProtocol(request.protocols)
  );
}

function handOutId(turn: JoinTurn, memberId: string): void {
  const { state, call, request, now } = turn;
  const { pendingIds } = state.roster;
  if (pendingIds.size >= state.limits.pendingMembersMax) {
    return refuse(turn, "GROUP_MAX_SIZE_REACHED");
  }
  const deadlineMs = now.monotonicMs + request.sessionTimeoutMs;
  pendingIds.set(memberId, deadlineMs);
  state.wakeBy(deadlineMs);
  const answer = refusedJoin("MEMBER_ID_REQUIRED", memberId);
  state.emit({ kind: "answerJoin", call, answer });
}

function addMember({ state, call, request, now }: JoinTurn, id: string): void {
  const { instanceId, clientId, clientHost } = request;
  const terms = termsOf(request);
  const member = new ClassicMember({ id, instanceId, clientId, clientHost }, terms);
  member.isNew = true;
  if (state.isInitialRebalance) state.initialDelay.hasNewMember = true;
  state.add(member, request.protocolType);
  state.waitJoin(member, call);
  state.setSessionDeadline(member, now.monotonicMs + state.limits.newMemberJoinTimeoutMs);
  rebalance(state, now);
}

function joinKnown(turn: JoinTurn): void {
  const { state, call, request, now } = turn;
  if (state.roster.pendingIds.has(request.memberId)) {
    // An id that was handed out belongs to a dynamic member.
    if (request.instanceId !== null) return refuse(turn, "UNKNOWN_MEMBER_ID");
    return addMember(turn, request.memberId);
  }
  const error = checkMember(state, request);
  if (error !== null) return refuse(turn, error);
  const member = state.roster.find(request.memberId);
  if (member === undefined) return refuse(turn, "UNKNOWN_MEMBER_ID");
  if (keepsGeneration(state, member, request)) {
    return state.emit({ kind: "answerJoin", call, answer: state.currentJoin(member) });
  }
  state.roster.setTerms(member, termsOf(request));
  state.waitJoin(member, call);
  rebalance(state, now);
}

/** Nothing changed, so the member missed an answer; a stable group's leader always starts over. */
function keepsGeneration(
  state: ClassicState,
  member: ClassicMember,
  request: JoinRequest,
): boolean {
  if (state.phase === "PreparingRebalance") return false;
  if (state.phase === "Stable" && state.isLeader(member.id)) return false;
  return member.offersSame(request.protocols);
}

function joinNewStatic(turn: JoinTurn, instanceId: string): void {
  const { state, request } = turn;
  const memberId = newMemberId(instanceId, request.uuid);
  const old = state.roster.find(state.roster.findIdOfInstance(instanceId) ?? "");
  if (old === undefined) return addMember(turn, memberId);
  replaceStatic(turn, old, memberId);
}

/** A static member came back under a new id: the old one is fenced, its place goes on. */
function replaceStatic(turn: JoinTurn, old: ClassicMember, memberId: string): void {
  const { state, call, request, now } = turn;
  const oldLeader = state.leader ?? "";
  const member = swapMember(state, old, memberId);
  state.touch(member, now);
  state.roster.setTerms(member, termsOf(request));
  state.waitJoin(member, call);
  if (state.phase === "Stable" && state.roster.selectProtocol() === state.protocolName) {
    return keepPlace(turn, { old, member, oldLeader });
  }
  if (state.phase === "PreparingRebalance") completeJoinIfAllJoined(state, now);
  else prepareRebalance(state, now);
}

/** Puts a member with a new id in the place of an old one, whose waiting calls are fenced. */
export function swapMember(
  state: ClassicState,
  old: ClassicMember,
  memberId: string,
): ClassicMember {
  const wasLeader = state.isLeader(old.id);
  const owesSync = state.awaitedSyncs.has(old.id);
  state.refuseJoin(old, { error: "FENCED_INSTANCE_ID", memberId: old.id });
  state.remove(old, "FENCED_INSTANCE_ID");
  const member = new ClassicMember({ ...identityOf(old), id: memberId }, old.terms);
  member.assignment = old.assignment;
  state.roster.add(member);
  if (owesSync) state.awaitedSyncs.add(memberId);
  if (wasLeader || state.leader === null) state.leader = memberId;
  return member;
}

/** Copies the metadata: it outlives the request's frame, of which it is a small part. */
function termsOf({ protocols, rebalanceTimeoutMs, sessionTimeoutMs }: JoinRequest): MemberTerms {
  const kept = protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() }));
  return { protocols: kept, rebalanceTimeoutMs, sessionTimeoutMs };
}

function identityOf({ instanceId, clientId, clientHost }: ClassicMember): {
  instanceId: string | null;
  clientId: string;
  clientHost: string;
} {
  return { instanceId, clientId, clientHost };
}

/**
 * The assignment stays valid, so the group stays stable; the new id is stored before the member
 * hears of it. Without KIP-814 a returning leader is told that its old id leads, so that it takes
 * its assignment as a follower does.
 */
function keepPlace(
  { state, request }: JoinTurn,
  place: { old: ClassicMember; member: ClassicMember; oldLeader: string },
): void {
  const { old, member, oldLeader } = place;
  const current = state.currentJoin(member);
  const answer = request.supportsSkippingAssignment
    ? { ...current, skipAssignment: state.isLeader(member.id) }
    : { ...current, leader: oldLeader, members: [] };
  state.write({ kind: "replaceStatic", member, old, answer });
}
