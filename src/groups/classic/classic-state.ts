import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { ClassicGroupImage } from "../group-record.ts";
import { findSubscribedTopics } from "./subscribed-topics.ts";
import type {
  CallId,
  ClassicEffect,
  ClassicLimits,
  Instant,
  JoinAnswer,
  LeaveAnswer,
  SyncAnswer,
} from "./classic-events.ts";
import type { ClassicMember } from "./classic-member.ts";
import { ClassicRoster } from "./classic-roster.ts";

export type ClassicPhase =
  | "Empty"
  | "PreparingRebalance"
  | "CompletingRebalance"
  | "Stable"
  | "Dead";

/** Which phases may come before each. */
const before: Record<ClassicPhase, readonly ClassicPhase[]> = {
  Empty: ["PreparingRebalance"],
  PreparingRebalance: ["Empty", "Stable", "CompletingRebalance"],
  CompletingRebalance: ["PreparingRebalance"],
  Stable: ["CompletingRebalance"],
  Dead: ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"],
};

/** What is to be done when a write comes back. */
export type PendingWrite =
  | { readonly kind: "none" }
  | { readonly kind: "leave"; readonly call: CallId; readonly answer: LeaveAnswer }
  | {
      readonly kind: "assign";
      readonly generation: number;
      readonly assignments: ReadonlyMap<string, Uint8Array>;
    }
  | {
      readonly kind: "replaceStatic";
      readonly member: ClassicMember;
      readonly old: ClassicMember;
      readonly answer: JoinAnswer;
    };

const nothing = new Uint8Array(0);

/**
 * The state of one classic group and the few steps that keep it whole. What each request means
 * for it is decided in the files beside this one, which ClassicGroup calls.
 */
export class ClassicState {
  readonly limits: ClassicLimits;
  readonly roster = new ClassicRoster();
  phase: ClassicPhase = "Empty";
  previousPhase: ClassicPhase = "Dead";
  generation = 0;
  /** Null: never had a member; the group only holds offsets. */
  protocolType: string | null = null;
  protocolName: string | null = null;
  leader: string | null = null;
  /** Wall clock; null: not known. */
  stateTimestampMs: number | null;
  /** Undefined: not known, so anything may be subscribed to. */
  subscribedTopics: ReadonlySet<string> | undefined;
  /** Ends the join phase; Infinity: none runs. Monotonic, as the next. */
  joinDeadlineMs = Infinity;
  /** By then every member of the generation has sent its SyncGroup. */
  syncDeadlineMs = Infinity;
  readonly awaitedSyncs = new Set<string>();
  /** The first join phase of an empty group: someone new came, and how long it may still wait. */
  initialDelay = { hasNewMember: false, stepMs: 0, remainingMs: 0 };
  /** No deadline lies before it. */
  wakeAtMs = Infinity;
  readonly pendingWrites = new Map<number, PendingWrite>();
  #effects: ClassicEffect[] = [];
  #writes = 0;

  constructor(limits: ClassicLimits, wallMs: number | null) {
    this.limits = limits;
    this.stateTimestampMs = wallMs;
  }

  get isInitialRebalance(): boolean {
    return this.phase === "PreparingRebalance" && this.previousPhase === "Empty";
  }

  emit(effect: ClassicEffect): void {
    this.#effects.push(effect);
  }

  takeEffects(): ClassicEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  moveTo(phase: ClassicPhase, now: Instant): void {
    assert(before[phase].includes(this.phase), `a group goes from ${this.phase} to ${phase}`);
    this.previousPhase = this.phase;
    this.phase = phase;
    this.stateTimestampMs = now.wallMs;
  }

  isLeader(memberId: string): boolean {
    return this.leader === memberId;
  }

  add(member: ClassicMember, protocolType: string): void {
    if (this.roster.size === 0) this.protocolType = protocolType;
    assert(this.protocolType === protocolType, "members of one group share their protocol type");
    this.leader ??= member.id;
    this.roster.add(member);
  }

  /** Takes a member out; its waiting calls are answered with the error. */
  remove(member: ClassicMember, error: ErrorCode): void {
    this.refuseJoin(member, { error, memberId: "" });
    this.refuseSync(member, error);
    this.roster.remove(member);
    this.awaitedSyncs.delete(member.id);
    if (this.isLeader(member.id)) this.leader = this.roster.first()?.id ?? null;
  }

  /** A newer JoinGroup of the same member takes the place of an older one, which is answered. */
  waitJoin(member: ClassicMember, call: CallId): void {
    this.refuseJoin(member, { error: "REBALANCE_IN_PROGRESS", memberId: member.id });
    this.roster.setJoinCall(member, call);
  }

  waitSync(member: ClassicMember, call: CallId): void {
    this.refuseSync(member, "REBALANCE_IN_PROGRESS");
    member.syncCall = call;
  }

  answerJoin(member: ClassicMember, answer: JoinAnswer): void {
    if (member.joinCall === null) return;
    this.emit({ kind: "answerJoin", call: member.joinCall, answer });
    this.roster.setJoinCall(member, null);
  }

  refuseJoin(member: ClassicMember, refusal: { error: ErrorCode; memberId: string }): void {
    this.answerJoin(member, refusedJoin(refusal.error, refusal.memberId));
  }

  refuseSync(member: ClassicMember, error: ErrorCode): void {
    if (member.syncCall === null) return;
    this.emit({ kind: "answerSync", call: member.syncCall, answer: refusedSync(error) });
    member.syncCall = null;
  }

  setSessionDeadline(member: ClassicMember, atMs: number): void {
    member.sessionDeadlineMs = atMs;
    this.wakeBy(atMs);
  }

  /** Any sign of life starts the session timeout again. */
  touch(member: ClassicMember, now: Instant): void {
    this.setSessionDeadline(member, now.monotonicMs + member.terms.sessionTimeoutMs);
  }

  wakeBy(atMs: number): void {
    if (atMs < this.wakeAtMs) this.wakeAtMs = atMs;
  }

  write(pending: PendingWrite, assignments?: ReadonlyMap<string, Uint8Array>): void {
    const write = ++this.#writes;
    this.pendingWrites.set(write, pending);
    this.emit({ kind: "write", write, image: this.image(assignments) });
  }

  /** What is stored of the group; `assignments` stand for those the members have not got yet. */
  image(assignments?: ReadonlyMap<string, Uint8Array>): ClassicGroupImage {
    const assigned = (member: ClassicMember): Uint8Array =>
      assignments === undefined ? member.assignment : (assignments.get(member.id) ?? nothing);
    return {
      protocolType: this.protocolType ?? "",
      generation: this.generation,
      protocolName: this.protocolName,
      leader: this.leader,
      stateTimestampMs: this.stateTimestampMs ?? -1,
      members: [...this.roster.all()].map((member) => ({
        memberId: member.id,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.terms.rebalanceTimeoutMs,
        sessionTimeoutMs: member.terms.sessionTimeoutMs,
        subscription: member.metadataOf(this.protocolName),
        assignment: assigned(member),
      })),
    };
  }

  learnSubscriptions(): void {
    this.subscribedTopics = findSubscribedTopics(this);
  }

  /** The answer that tells a member of the current generation, with all members for its leader. */
  currentJoin(member: ClassicMember): JoinAnswer {
    return {
      error: null,
      memberId: member.id,
      generation: this.generation,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.leader ?? "",
      skipAssignment: false,
      members: this.isLeader(member.id) ? this.#joinedMembers() : [],
    };
  }

  #joinedMembers(): JoinAnswer["members"] {
    return [...this.roster.all()].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      metadata: member.metadataOf(this.protocolName),
    }));
  }
}

export function refusedJoin(error: ErrorCode, memberId: string): JoinAnswer {
  return {
    error,
    memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leader: "",
    skipAssignment: false,
    members: [],
  };
}

export function refusedSync(error: ErrorCode): SyncAnswer {
  return { error, protocolType: null, protocolName: null, assignment: nothing };
}

/** The check of every request that names a member (semantics: instance first, then member). */
export function checkMember(
  state: ClassicState,
  { memberId, instanceId }: { memberId: string; instanceId: string | null },
): ErrorCode | null {
  if (instanceId !== null) {
    const known = state.roster.findIdOfInstance(instanceId);
    if (known === undefined) return "UNKNOWN_MEMBER_ID";
    if (known !== memberId) return "FENCED_INSTANCE_ID";
  }
  return state.roster.has(memberId) ? null : "UNKNOWN_MEMBER_ID";
}
