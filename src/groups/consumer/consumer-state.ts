import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { CallId, Instant } from "../classic/classic-events.ts";
import type { AssignorName } from "./assignors/assignor.ts";
import {
  refusedHeartbeat,
  type Assignment,
  type ConsumerEffect,
  type ConsumerHeartbeatAnswer,
  type ConsumerLimits,
  type GroupTopic,
} from "./consumer-events.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import type { HeldPartitions } from "./held-partitions.ts";
import { StaleRecords } from "./stale-records.ts";

export interface WaitingAnswer {
  readonly call: CallId;
  readonly answer: ConsumerHeartbeatAnswer;
}

const nothing: Assignment = new Map();

/** After a write that failed; the log may refuse each of them at once. */
const retryMs = 1_000;

/**
 * The state of one consumer group and the few steps that keep it whole. It changes at once; what
 * changed is written together by at most one write at a time, and an answer waits until all that
 * it tells of is stored. What a write failed to store goes with the next one, which an answer waits
 * for or which is made after a while: to the members the failed one looks like lost answers, which
 * the protocol is made for.
 */
export class ConsumerState {
  readonly group: string;
  readonly limits: ConsumerLimits;
  isDead = false;
  /** The group's epoch; the target's is never above it, a member's never above the target's. */
  epoch = 0;
  metadataHash = 0;
  targetEpoch = 0;
  /** Wall clock; 0: not known. */
  targetTimestampMs = 0;
  /** Monotonic. */
  nextTargetAtMs = -Infinity;
  assignor: AssignorName | null = null;
  readonly members = new Map<string, ConsumerMember>();
  readonly memberOfInstance = new Map<string, string>();
  readonly targets = new Map<string, Assignment>();
  readonly stale = new StaleRecords(this);
  /**
   * The topics that exist of those subscribed to, as they were last seen, by name. Undefined:
   * nobody has looked since the group was loaded, and `metadataHash` tells what they were.
   */
  topics: ReadonlyMap<string, GroupTopic> | undefined;
  /** No deadline lies before it. */
  wakeAtMs = Infinity;
  readonly #owners = new Map<string, Map<number, string>>();
  readonly #subscriptions = new Map<string, number>();
  #effects: ConsumerEffect[] = [];
  #waiting: WaitingAnswer[] = [];
  #writing: { readonly write: number; readonly answers: readonly WaitingAnswer[] } | undefined;
  #writes = 0;
  #retryAtMs = -Infinity;

  constructor(group: string, limits: ConsumerLimits) {
    this.group = group;
    this.limits = limits;
  }

  /** A write is under way, or one that failed is still to be tried again. */
  get hasUnstored(): boolean {
    return this.#writing !== undefined || this.#waiting.length > 0 || !this.stale.isEmpty;
  }

  targetOf(memberId: string): Assignment {
    return this.targets.get(memberId) ?? nothing;
  }

  ownerOf(topicId: string, partition: number): string | undefined {
    return this.#owners.get(topicId)?.get(partition);
  }

  /** Names that anyone subscribes to. */
  subscribedTopics(): IterableIterator<string> {
    return this.#subscriptions.keys();
  }

  isSubscribedTo(topic: string): boolean {
    return this.#subscriptions.has(topic);
  }

  bumpEpoch(): void {
    this.epoch++;
    this.stale.add({ kind: "group" });
  }

  add(member: ConsumerMember): void {
    assert(!this.members.has(member.id), `member ${member.id} is in the group already`);
    this.members.set(member.id, member);
    const { instanceId, subscribedTopics } = member.terms;
    if (instanceId !== null) this.memberOfInstance.set(instanceId, member.id);
    this.#countSubscriptions(subscribedTopics, 1);
    this.#own(member);
    this.stale.addMember(member.id);
  }

  /** Takes a member out; what it held is free. */
  remove(member: ConsumerMember): void {
    this.#disown(member);
    this.#countSubscriptions(member.terms.subscribedTopics, -1);
    const { instanceId } = member.terms;
    if (instanceId !== null && this.memberOfInstance.get(instanceId) === member.id) {
      this.memberOfInstance.delete(instanceId);
    }
    this.members.delete(member.id);
    this.targets.delete(member.id);
    this.stale.addMember(member.id);
  }

  setTerms(member: ConsumerMember, terms: ConsumerMember["terms"]): void {
    this.#countSubscriptions(member.terms.subscribedTopics, -1);
    this.#countSubscriptions(terms.subscribedTopics, 1);
    member.terms = terms;
    this.stale.add({ kind: "member", memberId: member.id });
  }

  setTarget(memberId: string, target: Assignment): void {
    this.targets.set(memberId, target);
    this.stale.add({ kind: "targetMember", memberId });
  }

  /** What a member holds from now on. Nobody else may hold any of it. */
  setHeld(
    member: ConsumerMember,
    held: Pick<ConsumerMember, "assigned" | "pendingRevocation">,
  ): void {
    this.#disown(member);
    member.assigned = held.assigned;
    member.pendingRevocation = held.pendingRevocation;
    this.#own(member);
    this.stale.add({ kind: "current", memberId: member.id });
  }

  touch(member: ConsumerMember, now: Instant): void {
    member.sessionDeadlineMs = now.monotonicMs + this.limits.sessionTimeoutMs;
    this.wakeBy(member.sessionDeadlineMs);
  }

  wakeBy(atMs: number): void {
    if (atMs < this.wakeAtMs) this.wakeAtMs = atMs;
  }

  answer(call: CallId, answer: ConsumerHeartbeatAnswer): void {
    this.#waiting.push({ call, answer });
  }

  /** A refusal tells nothing that would have to be stored. */
  refuse(call: CallId, memberId: string, error: ErrorCode): void {
    this.#emitAnswer({ call, answer: refusedHeartbeat(memberId, error) });
  }

  /** Ends a step: what became stale is written unless a write is under way, or has just failed. */
  takeEffects({ monotonicMs }: Instant): ConsumerEffect[] {
    const mayWrite = this.#waiting.length > 0 || monotonicMs >= this.#retryAtMs;
    if (this.#writing === undefined && !this.isDead) {
      if (mayWrite) this.#flush();
      else if (!this.stale.isEmpty) this.wakeBy(this.#retryAtMs);
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  written(write: number, error: ErrorCode | null, now: Instant): void {
    const writing = this.#writing;
    if (this.isDead) return;
    assert(writing?.write === write, `write ${write} comes back, but was never asked for`);
    this.#writing = undefined;
    this.stale.settle(error === null);
    this.#retryAtMs = error === null ? -Infinity : now.monotonicMs + retryMs;
    for (const { call, answer } of writing.answers) {
      this.#emitAnswer({
        call,
        answer: error === null ? answer : refusedHeartbeat(answer.memberId, error),
      });
    }
  }

  close(error: ErrorCode): void {
    const waiting = [...(this.#writing?.answers ?? []), ...this.#waiting];
    this.#writing = undefined;
    this.#waiting = [];
    for (const { call, answer } of waiting) this.refuse(call, answer.memberId, error);
    this.isDead = true;
    this.wakeAtMs = Infinity;
  }

  #flush(): void {
    const answers = this.#waiting;
    this.#waiting = [];
    if (this.stale.isEmpty) {
      for (const answer of answers) this.#emitAnswer(answer);
      return;
    }
    const write = ++this.#writes;
    this.#writing = { write, answers };
    this.#effects.push({ kind: "writeRecords", write, records: this.stale.take() });
  }

  #emitAnswer({ call, answer }: WaitingAnswer): void {
    this.#effects.push({ kind: "answerConsumerHeartbeat", call, answer });
  }

  #own(member: ConsumerMember): void {
    for (const [topicId, partition] of heldBy(member)) {
      const owners = this.#owners.get(topicId) ?? new Map<number, string>();
      this.#owners.set(topicId, owners);
      const owner = owners.get(partition);
      assert(owner === undefined, `${topicId}-${partition} of ${member.id} is held by ${owner}`);
      owners.set(partition, member.id);
    }
  }

  #disown(member: ConsumerMember): void {
    for (const [topicId, partition] of heldBy(member)) {
      const owners = this.#owners.get(topicId);
      owners?.delete(partition);
      if (owners?.size === 0) this.#owners.delete(topicId);
    }
  }

  #countSubscriptions(topics: readonly string[], change: 1 | -1): void {
    for (const topic of topics) {
      const count = (this.#subscriptions.get(topic) ?? 0) + change;
      if (count === 0) this.#subscriptions.delete(topic);
      else this.#subscriptions.set(topic, count);
    }
  }
}

function* heldBy(member: ConsumerMember): Generator<[string, number]> {
  const both: readonly HeldPartitions[] = [member.assigned, member.pendingRevocation];
  for (const held of both) {
    for (const [topicId, partitions] of held) {
      for (const partition of partitions.keys()) yield [topicId, partition];
    }
  }
}
