import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Instant } from "../classic/classic-events.ts";
import type { OffsetCommitter } from "../classic/classic-group.ts";
import type { ConsumerGroupRecord, StoredTerms } from "../group-record.ts";
import {
  leavingStaticEpoch,
  type Assignment,
  type ConsumerEffect,
  type ConsumerEvent,
  type ConsumerLimits,
} from "./consumer-events.ts";
import { heartbeat } from "./consumer-heartbeat.ts";
import type { ConsumerImage } from "./consumer-image.ts";
import { startSessions, tick } from "./consumer-sessions.ts";
import { ConsumerState } from "./consumer-state.ts";
import { nothingHeld, toAssignment } from "./held-partitions.ts";

export type ConsumerPhase = "Empty" | "Assigning" | "Reconciling" | "Stable" | "Dead";

/** A consumer group as ConsumerGroupDescribe shows it. */
export interface ConsumerGroupDescription {
  readonly kind: "consumer";
  readonly phase: ConsumerPhase;
  readonly epoch: number;
  readonly targetEpoch: number;
  readonly assignor: string;
  readonly members: readonly ConsumerMemberDescription[];
}

export interface ConsumerMemberDescription extends StoredTerms {
  readonly memberId: string;
  readonly epoch: number;
  readonly assigned: Assignment;
  readonly target: Assignment;
}

/** A partition whose offset somebody wants to commit. */
export interface CommittedPartition {
  /** Text form. */
  readonly topicId: string;
  readonly partition: number;
}

/**
 * A consumer group whose partitions the server assigns (KIP-848). Heartbeats are all there is: they
 * join, tell what is subscribed to and held, and leave.
 *
 * Empty -> Assigning with the first member; Assigning -> Reconciling when the target of the group's
 * epoch is computed; Reconciling -> Stable when each member holds its target; any -> Assigning when
 * members come, go or change, or topics do; any -> Empty with the last member; any -> Dead.
 */
export class ConsumerGroup {
  readonly kind = "consumer";
  readonly #state: ConsumerState;

  /** With an image the group is resumed; feed it through `startSessions` then. */
  constructor(group: string, limits: ConsumerLimits, image?: ConsumerImage) {
    this.#state = new ConsumerState(group, limits);
    image?.restore(this.#state);
    this.#assertWhole();
  }

  /** Feeds one event. The effects are to be carried out in order. */
  step(event: ConsumerEvent, now: Instant): ConsumerEffect[] {
    this.#take(event, now);
    this.#assertWhole();
    return this.#state.takeEffects(now);
  }

  /** Sessions of a resumed group begin when the coordinator is ready to hear them. */
  startSessions(now: Instant): ConsumerEffect[] {
    startSessions(this.#state, now);
    return this.#state.takeEffects(now);
  }

  /** When the next `tick` is due, monotonic; Infinity: none. May be early, never late. */
  get wakeAtMs(): number {
    return this.#state.wakeAtMs;
  }

  get phase(): ConsumerPhase {
    const { isDead, members, epoch, targetEpoch } = this.#state;
    if (isDead) return "Dead";
    if (members.size === 0) return "Empty";
    if (epoch > targetEpoch) return "Assigning";
    for (const member of members.values()) {
      if (member.phase !== "stable" || member.epoch !== targetEpoch) return "Reconciling";
    }
    return "Stable";
  }

  get protocolType(): string {
    return "consumer";
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  get memberCount(): number {
    return this.#state.members.size;
  }

  /** How often a member should be heard of. */
  get heartbeatIntervalMs(): number {
    const { heartbeatIntervalMs, sessionTimeoutMs } = this.#state.limits;
    return Math.min(heartbeatIntervalMs, Math.ceil(sessionTimeoutMs / 3));
  }

  /** Nobody is in it, and all that changed is stored. */
  get isIdle(): boolean {
    return this.#state.members.size === 0 && !this.#state.hasUnstored;
  }

  /** Nobody has ever been in it. */
  get isUnused(): boolean {
    return this.isIdle && this.#state.epoch === 0;
  }

  /** When it became empty is not kept: offsets count from their commits. */
  get stateTimestampMs(): null {
    return null;
  }

  get isConsumerGroup(): true {
    return true;
  }

  get subscribedTopics(): ReadonlySet<string> {
    return new Set(this.#state.subscribedTopics());
  }

  isSubscribedTo(topic: string): boolean {
    return this.#state.isSubscribedTo(topic);
  }

  /**
   * What forbids an OffsetCommit; null: nothing. A member whose epoch has risen meanwhile may
   * still commit what it got in the epoch it names, or before, and has kept (KIP-1251).
   */
  checkCommit(
    { memberId, generation, isOldVersion }: OffsetCommitter,
    partitions: readonly CommittedPartition[],
  ): ErrorCode | null {
    const { isDead, members } = this.#state;
    if (isDead) return "COORDINATOR_NOT_AVAILABLE";
    if (generation < 0 && members.size === 0) return null;
    const member = members.get(memberId);
    if (member === undefined) return "UNKNOWN_MEMBER_ID";
    if (isOldVersion === true) return "UNSUPPORTED_VERSION";
    if (generation === member.epoch) return null;
    if (generation > member.epoch) return "STALE_MEMBER_EPOCH";
    const isKept = ({ topicId, partition }: CommittedPartition): boolean =>
      (member.assigned.get(topicId)?.get(partition) ?? Infinity) <= generation;
    return partitions.every(isKept) ? null : "STALE_MEMBER_EPOCH";
  }

  /** What forbids a member's OffsetFetch; null: nothing, nor where nobody is named. */
  checkFetch(memberId: string | null, memberEpoch: number): ErrorCode | null {
    if (memberId === null && memberEpoch < 0) return null;
    const member = memberId === null ? undefined : this.#state.members.get(memberId);
    if (member === undefined) return "UNKNOWN_MEMBER_ID";
    return member.epoch === memberEpoch ? null : "STALE_MEMBER_EPOCH";
  }

  /** A commit is no sign of life here: heartbeats are. */
  noteCommit(): void {}

  find(memberId: string): ConsumerMemberDescription | undefined {
    const member = this.#state.members.get(memberId);
    if (member === undefined || member.epoch === leavingStaticEpoch) return undefined;
    return this.#describeMember(memberId);
  }

  /** When each partition that the member may work on became its own, by text topic id. */
  assignedEpoch(memberId: string, { topicId, partition }: CommittedPartition): number | undefined {
    return this.#state.members.get(memberId)?.assigned.get(topicId)?.get(partition);
  }

  /** What the member has been told to give up and has not given up yet, and until when it may. */
  pendingRevocation(memberId: string): {
    readonly partitions: Assignment;
    readonly deadlineMs: number;
  } {
    const member = this.#state.members.get(memberId);
    return {
      partitions: toAssignment(member?.pendingRevocation ?? nothingHeld),
      deadlineMs: member?.revocationDeadlineMs ?? Infinity,
    };
  }

  describe(): ConsumerGroupDescription {
    const { epoch, targetEpoch, assignor, limits, members } = this.#state;
    return {
      kind: "consumer",
      phase: this.phase,
      epoch,
      targetEpoch,
      assignor: assignor ?? limits.assignors[0] ?? "uniform",
      members: [...members.keys()].map((memberId) => this.#describeMember(memberId)),
    };
  }

  /** What a restart would find of the group as it is. */
  records(): readonly ConsumerGroupRecord[] {
    return this.#state.stale.all();
  }

  /** What takes the group out of the log. */
  tombstones(): readonly ConsumerGroupRecord[] {
    return this.records()
      .toReversed()
      .map((record) => ({ ...record, value: null }));
  }

  #describeMember(memberId: string): ConsumerMemberDescription {
    const member = this.#state.members.get(memberId);
    assert(member !== undefined, `member ${memberId} is described, but is not in the group`);
    return {
      ...member.terms,
      memberId,
      epoch: member.epoch,
      assigned: toAssignment(member.assigned),
      target: this.#state.targetOf(memberId),
    };
  }

  #take(event: ConsumerEvent, now: Instant): void {
    const state = this.#state;
    switch (event.kind) {
      case "consumerHeartbeat":
        if (!state.isDead) return heartbeat(state, { ...event, now });
        return state.refuse(event.call, event.request.memberId, "COORDINATOR_NOT_AVAILABLE");
      case "tick":
        return tick(state, now);
      case "written":
        return state.written(event.write, event.error, now);
      case "close":
        return state.close(event.error);
    }
  }

  #assertWhole(): void {
    const { epoch, targetEpoch, members } = this.#state;
    assert(targetEpoch <= epoch, `a target of epoch ${targetEpoch} in a group of epoch ${epoch}`);
    for (const member of members.values()) {
      assert(member.epoch <= targetEpoch, `${member.id} is ahead of its target ${targetEpoch}`);
    }
  }
}
