import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { ClassicGroupImage } from "../group-record.ts";
import type { ClassicEffect, ClassicEvent, ClassicLimits, Instant } from "./classic-events.ts";
import { join, swapMember } from "./classic-join.ts";
import { leave } from "./classic-leave.ts";
import { ClassicMember } from "./classic-member.ts";
import { prepareRebalance } from "./classic-rebalance.ts";
import { heartbeat, tick } from "./classic-sessions.ts";
import { checkMember, ClassicState, type ClassicPhase } from "./classic-state.ts";
import type { PendingWrite } from "./classic-state.ts";
import { finishSync, sync } from "./classic-sync.ts";

export interface OffsetCommitter {
  /** "" and null: told nothing. */
  readonly memberId: string;
  readonly instanceId: string | null;
  /** The member's generation, or its epoch in a consumer group; < 0: not a member's commit. */
  readonly generation: number;
  /** The request is of a version that knows nothing of consumer groups. */
  readonly isOldVersion?: boolean;
}

/** A classic group as DescribeGroups shows it. Metadata and assignments only in Stable. */
export interface ClassicGroupDescription {
  readonly kind: "classic";
  readonly phase: ClassicPhase;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly metadata: Uint8Array;
    readonly assignment: Uint8Array;
  }[];
}

const nothing = new Uint8Array(0);

/**
 * A consumer group of the classic protocol (JoinGroup, SyncGroup).
 *
 * Empty -> PreparingRebalance on the first join; PreparingRebalance -> CompletingRebalance when
 * all have joined or the rebalance timeout is over (-> Empty when nobody is left);
 * CompletingRebalance -> Stable when the leader's assignments are stored;
 * Stable, CompletingRebalance -> PreparingRebalance when members come, go or change; any -> Dead.
 *
 * Membership is soft state: it is stored when a generation is complete or the group is empty.
 */
export class ClassicGroup {
  readonly kind = "classic";
  readonly #state: ClassicState;

  constructor(limits: ClassicLimits, wallMs: number | null) {
    this.#state = new ClassicState(limits, wallMs);
  }

  /** Feeds one event. The effects are to be carried out in order. */
  step(event: ClassicEvent, now: Instant): ClassicEffect[] {
    this.#take(event, now);
    this.#assertWhole();
    return this.#state.takeEffects();
  }

  /** When the next `tick` is due, monotonic; Infinity: none. May be early, never late. */
  get wakeAtMs(): number {
    return this.#state.wakeAtMs;
  }

  get phase(): ClassicPhase {
    return this.#state.phase;
  }

  get protocolType(): string | null {
    return this.#state.protocolType;
  }

  get generation(): number {
    return this.#state.generation;
  }

  get memberCount(): number {
    return this.#state.roster.size;
  }

  /** Nobody is in it, on the way in, or still to hear of a write. */
  get isIdle(): boolean {
    const { phase, roster, pendingWrites } = this.#state;
    return phase === "Empty" && roster.pendingIds.size === 0 && pendingWrites.size === 0;
  }

  /** Wall clock; null: not known. */
  get stateTimestampMs(): number | null {
    return this.#state.stateTimestampMs;
  }

  /** Undefined: the coordinator can not know. */
  get subscribedTopics(): ReadonlySet<string> | undefined {
    return this.#state.subscribedTopics;
  }

  get isConsumerGroup(): boolean {
    return this.#state.protocolType === "consumer";
  }

  /** While a consumer group's subscriptions are unknown, any topic may be among them. */
  isSubscribedTo(topic: string): boolean {
    return this.#state.subscribedTopics?.has(topic) ?? this.isConsumerGroup;
  }

  /** What forbids an OffsetCommit (semantics of offsets, OffsetCommit 3); null: nothing. */
  checkCommit(committer: OffsetCommitter): ErrorCode | null {
    const { phase, generation } = this.#state;
    const { memberId, instanceId } = committer;
    if (phase === "Dead") return "COORDINATOR_NOT_AVAILABLE";
    if (committer.generation < 0 && phase === "Empty") return null;
    if (committer.generation >= 0 || memberId !== "" || instanceId !== null) {
      const error = checkMember(this.#state, committer);
      if (error !== null) return error;
      if (committer.generation !== generation) return "ILLEGAL_GENERATION";
    } else if (phase !== "Empty") return "UNKNOWN_MEMBER_ID";
    return phase === "CompletingRebalance" ? "REBALANCE_IN_PROGRESS" : null;
  }

  /** A valid commit is a sign of life. */
  noteCommit(memberId: string, now: Instant): void {
    const { phase, roster } = this.#state;
    const member = roster.find(memberId);
    if (member === undefined) return;
    if (phase === "Stable" || phase === "PreparingRebalance") this.#state.touch(member, now);
  }

  describe(): ClassicGroupDescription {
    const { phase, protocolType, protocolName, roster } = this.#state;
    const isStable = phase === "Stable";
    return {
      kind: "classic",
      phase,
      protocolType: protocolType ?? "",
      protocolName: isStable ? (protocolName ?? "") : "",
      members: [...roster.all()].map((member) => ({
        memberId: member.id,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        metadata: isStable ? member.metadataOf(protocolName) : nothing,
        assignment: isStable ? member.assignment : nothing,
      })),
    };
  }

  /** What a restart would find of the group as it is. */
  image(): ClassicGroupImage {
    return this.#state.image();
  }

  /** Nobody has ever been in it. */
  get isUnused(): boolean {
    return this.protocolType === null && this.isIdle;
  }

  /**
   * Resumes a stored group: Stable with members, else Empty. Call `step` with a `tick` after
   * `startSessions`.
   */
  static fromImage(image: ClassicGroupImage, limits: ClassicLimits): ClassicGroup {
    const group = new ClassicGroup(limits, null);
    group.#load(image);
    return group;
  }

  /** Sessions of a resumed group begin when the coordinator is ready to hear them. */
  startSessions(now: Instant): ClassicEffect[] {
    const state = this.#state;
    for (const member of state.roster.all()) state.touch(member, now);
    if (state.roster.size > state.limits.membersMax) prepareRebalance(state, now);
    this.#assertWhole();
    return state.takeEffects();
  }

  #take(event: ClassicEvent, now: Instant): void {
    const state = this.#state;
    switch (event.kind) {
      case "join":
        return join(state, { ...event, now });
      case "sync":
        return sync(state, event);
      case "heartbeat": {
        const error = heartbeat(state, event.request, now);
        return state.emit({ kind: "answerHeartbeat", call: event.call, error });
      }
      case "leave":
        return leave(state, { ...event, now });
      case "tick":
        return tick(state, now);
      case "written":
        return this.#written(event, now);
      case "close":
        return this.#close(event.error, now);
    }
  }

  #written(event: { write: number; error: ErrorCode | null }, now: Instant): void {
    const pending = this.#state.pendingWrites.get(event.write);
    assert(pending !== undefined, `write ${event.write} comes back, but was never asked for`);
    this.#state.pendingWrites.delete(event.write);
    const { error } = event;
    if (pending.kind === "leave") {
      const answer = error === null ? pending.answer : { error, errors: [] };
      return this.#state.emit({ kind: "answerLeave", call: pending.call, answer });
    }
    if (pending.kind === "assign") finishSync(this.#state, { ...pending, error, now });
    if (pending.kind === "replaceStatic") this.#finishReplacement(pending, error, now);
  }

  /** When the group has moved on meanwhile, the member waits for the end of that rebalance. */
  #finishReplacement(
    pending: Extract<PendingWrite, { kind: "replaceStatic" }>,
    error: ErrorCode | null,
    now: Instant,
  ): void {
    const state = this.#state;
    const { member, old, answer } = pending;
    const isCurrent = state.phase === "Stable" && state.roster.find(member.id) === member;
    if (!isCurrent || answer.generation !== state.generation) return;
    state.touch(member, now);
    if (error === null) return state.answerJoin(member, answer);
    state.refuseJoin(member, { error, memberId: "" });
    const reverted = swapMember(state, member, old.id);
    state.roster.setTerms(reverted, old.terms);
    state.touch(reverted, now);
  }

  #close(error: ErrorCode, now: Instant): void {
    const state = this.#state;
    for (const member of state.roster.all()) {
      state.refuseJoin(member, { error, memberId: member.id });
      state.refuseSync(member, error);
      member.sessionDeadlineMs = Infinity;
    }
    state.joinDeadlineMs = Infinity;
    state.syncDeadlineMs = Infinity;
    state.wakeAtMs = Infinity;
    state.roster.pendingIds.clear();
    state.awaitedSyncs.clear();
    state.moveTo("Dead", now);
  }

  #load(image: ClassicGroupImage): void {
    const state = this.#state;
    state.phase = image.members.length === 0 ? "Empty" : "Stable";
    state.generation = image.generation;
    state.protocolType = image.protocolType === "" ? null : image.protocolType;
    state.protocolName = image.protocolName;
    state.stateTimestampMs = image.stateTimestampMs < 0 ? null : image.stateTimestampMs;
    for (const stored of image.members) {
      const { memberId: id, instanceId, clientId, clientHost, sessionTimeoutMs } = stored;
      const rebalanceTimeoutMs =
        stored.rebalanceTimeoutMs < 0 ? sessionTimeoutMs : stored.rebalanceTimeoutMs;
      const protocols = [{ name: image.protocolName ?? "", metadata: stored.subscription }];
      const terms = { protocols, rebalanceTimeoutMs, sessionTimeoutMs };
      const member = new ClassicMember({ id, instanceId, clientId, clientHost }, terms);
      member.assignment = stored.assignment;
      state.add(member, image.protocolType);
    }
    const hasLeader = image.leader !== null && state.roster.has(image.leader);
    if (hasLeader) state.leader = image.leader;
    state.learnSubscriptions();
  }

  #assertWhole(): void {
    const { phase, roster, leader, awaitedSyncs } = this.#state;
    const isActive = phase === "Stable" || phase === "CompletingRebalance";
    assert(!isActive || roster.size > 0, `a group in ${phase} has members`);
    assert(phase !== "Empty" || roster.size === 0, "an empty group has no members");
    const isLed = leader === null ? roster.size === 0 : roster.has(leader);
    assert(isLed, "the leader is a member of the group, and there is one when there are members");
    const isSyncing = isActive || awaitedSyncs.size === 0;
    assert(isSyncing, `nobody's SyncGroup is awaited in ${phase}`);
  }
}
