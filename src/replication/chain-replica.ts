import { assert } from "../base/assert.ts";
import {
  type ChainConfig,
  type ChainRole,
  predecessorOf,
  roleOf,
  successorOf,
} from "./chain-config.ts";
import type { ChainEffect, RefusalCode } from "./chain-effect.ts";
import type { ChainInput, LinkId, Peer } from "./chain-input.ts";
import type { ChainMessage } from "./chain-message.ts";
import { Followers } from "./followers.ts";
import type { Member } from "./member.ts";
import type {
  HeadOrders,
  ReplicaCore,
  ReplicaLimits,
  ReplicaPorts,
  ReplicaStart,
} from "./replica-core.ts";
import { type ChainMarks, heldOf, type ReplicaDurability, ReplicaMarks } from "./replica-marks.ts";
import { Upstream } from "./upstream.ts";

/**
 * One replica of a partition's chain: head, middle, tail, alone, joiner or outsider, as the newest
 * configuration it was told says (cluster.md, 3 and 4). It is fed what happens and answers what to
 * do; it has no clock, no connection and no log of its own. `nowMs` is of the monotonic clock that
 * the lease is told in. After `halt` it does nothing any more.
 */
export class ChainReplica implements ReplicaCore {
  readonly member: Peer;
  readonly marks: ReplicaMarks;
  readonly ports: ReplicaPorts;
  readonly limits: ReplicaLimits;
  readonly orders: HeadOrders = { logStart: 0, flush: 0, freshCount: 0 };
  nowMs = -Infinity;
  epoch = 0;
  config: ChainConfig | undefined;
  role: ChainRole = "outsider";
  #effects: ChainEffect[] = [];
  #haltedFor: string | undefined;
  #minInsyncReplicas: number;
  /** That the log was told to begin. */
  #logEpoch = 0;
  /** The end when the epoch was adopted. */
  #floor = 0;
  /** As of the last look. */
  #isLeased = false;
  #tickMs = -Infinity;
  #handedOverMs = -Infinity;
  readonly #upstream: Upstream;
  readonly #followers: Followers;

  constructor(start: ReplicaStart, ports: ReplicaPorts, limits: ReplicaLimits) {
    const { member, minInsyncReplicas, ...marks } = start;
    this.member = member;
    this.marks = new ReplicaMarks(marks);
    this.ports = ports;
    this.limits = limits;
    this.#minInsyncReplicas = minInsyncReplicas;
    this.#upstream = new Upstream(this);
    this.#followers = new Followers(this);
  }

  /** Takes what happened at `nowMs` and answers what to do, in order. */
  step(input: ChainInput, nowMs: number): ChainEffect[] {
    if (this.#haltedFor !== undefined) return [];
    assert(nowMs >= this.nowMs, "a monotonic clock does not go back");
    this.nowMs = nowMs;
    this.#take(input);
    this.#advance(input.kind === "tick");
    this.marks.check();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  emit(effect: ChainEffect): void {
    if (this.#haltedFor === undefined) this.#effects.push(effect);
  }

  halt(reason: string): void {
    this.emit({ kind: "halt", reason });
    this.#haltedFor = reason;
  }

  #take(input: ChainInput): void {
    switch (input.kind) {
      case "config":
        return this.#adopt(input.config);
      case "settings":
        return this.#configure(input.durability, input.minInsyncReplicas);
      case "appended":
        return this.#appended(input.end);
      case "takenBack":
        return this.#takenBack(input.end);
      case "stored":
        return this.#stored(input.written, input.flushed);
      case "logStart":
        return this.#deleted(input.offset);
      case "truncated":
        return this.#truncated(input);
      case "refused":
        return this.#upstream.refused(input);
      case "flushAsked":
        return this.#askFlush(input.offset);
      case "loaded":
        return this.#followers.find(input.link, input.session)?.loaded(input);
      case "paced":
        return this.#followers.joiner.forgive();
      case "linkOpened":
        return this.#upstream.opened(input.link, input.peer);
      case "linkClosed":
        return this.#closed(input.link);
      case "message":
        return this.#receive(input.link, input.peer, input.message);
      case "tick":
        return this.#tick();
      case "lease":
        return this.#reviewLease();
    }
  }

  get #isHead(): boolean {
    return this.role === "head" || this.role === "solo";
  }

  /**
   * What it says of its log stays true: for a head that is still truncating it does not, nor for a
   * lone one that may take back what others were sent in an earlier epoch.
   */
  get #isInStep(): boolean {
    if (this.marks.isCutting) return false;
    if (this.role === "solo") return this.marks.written >= this.#floor;
    return this.#isHead || this.#upstream.isReady;
  }

  /**
   * Nothing is under way that time could change: until something happens a look each eighth of
   * `lagTimeMaxMs` is enough.
   */
  get isQuiet(): boolean {
    const { marks } = this;
    if (this.#haltedFor !== undefined || this.role === "outsider") return true;
    if (this.isLeaving || marks.isCutting || !this.#upstream.isQuiet) return false;
    const isDone = marks.committed === marks.end || this.role === "joiner";
    return isDone && this.#followers.isQuiet;
  }

  get #isTail(): boolean {
    return this.role === "tail" || this.role === "solo";
  }

  #adopt(config: ChainConfig): void {
    if (config.epoch < this.epoch) return;
    const isNewer = config.epoch > this.epoch;
    const wasHead = this.#isHead;
    this.config = config;
    this.epoch = config.epoch;
    this.role = roleOf(config, this.member);
    if (wasHead && !this.#isHead) this.#refuseWaiting("NOT_LEADER_OR_FOLLOWER");
    // An outsider has its part in an epoch from when it is named a joiner.
    if (this.role !== "outsider" && this.#logEpoch < this.epoch) {
      this.#logEpoch = this.epoch;
      this.emit({ kind: "beginEpoch", epoch: this.epoch });
    }
    if (isNewer) this.#beginEpoch();
    this.#upstream.follow(predecessorOf(config, this.member));
    const joiner = this.#isTail ? config.joining[0] : undefined;
    this.#followers.expect(successorOf(config, this.member), joiner);
    if (isNewer) this.#upstream.shakeHands();
    if (this.#isHead && this.#isTooShort) {
      this.#refuseWaiting("NOT_ENOUGH_REPLICAS_AFTER_APPEND");
    }
  }

  #beginEpoch(): void {
    const { end, logStart } = this.marks;
    this.#floor = end;
    this.#handedOverMs = -Infinity;
    Object.assign(this.orders, { logStart: this.#isHead ? logStart : 0, flush: 0 });
    this.#upstream.beginEpoch();
    this.#followers.beginEpoch();
  }

  #configure(durability: ReplicaDurability, minInsyncReplicas: number): void {
    this.marks.durability = durability;
    this.#minInsyncReplicas = minInsyncReplicas;
    if (this.#isHead && this.#isTooShort) {
      this.#refuseWaiting("NOT_ENOUGH_REPLICAS_AFTER_APPEND");
    }
  }

  /** What was taken and is not committed when the lease ends may be another head's to answer. */
  #reviewLease(): void {
    const wasLeased = this.#isLeased;
    this.#isLeased = this.ports.lease.holds(this.nowMs);
    if (wasLeased && !this.#isLeased && this.#isHead) this.#refuseWaiting("NOT_LEADER_OR_FOLLOWER");
  }

  #refuseWaiting(code: RefusalCode): void {
    this.emit({ kind: "refuseWaiting", code });
  }

  #appended(end: number): void {
    assert(end >= this.marks.end && !this.marks.isCutting, "an append moves the end on");
    this.marks.end = end;
  }

  /** Nothing at or above it was ever acknowledged, here or from here. */
  #takenBack(end: number): void {
    assert(end >= this.marks.written, "what is written is not taken back");
    this.marks.end = end;
    this.#floor = Math.min(this.#floor, end);
    this.#followers.takenBack();
  }

  #stored(written: number, flushed: number): void {
    // While the log is cut, what ends late says nothing of the log that is to be.
    if (this.marks.isCutting) return;
    this.marks.written = Math.max(this.marks.written, written);
    this.marks.flushed = Math.max(this.marks.flushed, flushed);
  }

  #deleted(offset: number): void {
    this.marks.logStart = Math.max(this.marks.logStart, offset);
    if (this.#isHead) this.orders.logStart = this.marks.logStart;
  }

  #truncated(log: Pick<ReplicaMarks, "logStart" | "end" | "written" | "flushed">): void {
    assert(this.marks.isCutting, "a truncation ends that was begun");
    const { logStart, end, written, flushed } = log;
    const committed = Math.max(Math.min(this.marks.committed, end), logStart);
    Object.assign(this.marks, { logStart, end, written, flushed, committed, isCutting: false });
    this.#upstream.cut();
  }

  #askFlush(offset: number): void {
    if (this.#isHead) this.orders.flush = Math.max(this.orders.flush, offset);
  }

  #closed(link: LinkId): void {
    this.#upstream.closed(link);
    this.#followers.closed(link);
  }

  #receive(link: LinkId, peer: Peer, message: ChainMessage): void {
    switch (message.kind) {
      case "hello":
        return this.#followers.hello({ link, peer, hello: message });
      case "helloOk":
        return this.#upstream.answered(link, message);
      case "append":
        return this.#upstream.take(link, message);
      case "ack":
        return this.#followers.ack(link, message);
      case "reject":
        this.#followers.rejected(link, message);
        return this.#upstream.rejected(link, message);
    }
  }

  #tick(): void {
    // Nobody behind is to be blamed for what this node, asleep or out of step, keeps from them.
    const hasSlept = this.nowMs - this.#tickMs > this.limits.lagTimeMaxMs / 2;
    this.#tickMs = this.nowMs;
    this.#reviewLease();
    if (hasSlept) this.#upstream.forgive();
    this.#upstream.tick();
    this.#followers.tick(hasSlept || !this.#isInStep);
  }

  /** What follows from all that is known now. */
  #advance(isTick: boolean): void {
    if (this.#haltedFor !== undefined) return;
    this.#followers.answerHellos(this.#isInStep);
    if (this.role === "outsider") return;
    this.#learn();
    const chain = this.#followers.leastMarks();
    const { logStartMax } = this.#followers;
    if (this.#isHead) this.#leadOn(heldOf(chain, this.marks.durability), logStartMax);
    else this.#upstream.acknowledge(chain, logStartMax, isTick);
    this.#followers.advance(chain, isTick);
    this.#drain();
  }

  /** A replica takes no more as committed, or as deleted, than it holds itself. */
  #learn(): void {
    if (this.#isHead || !this.#upstream.isReady) return;
    this.#commit(Math.min(this.#upstream.heardCommitted, this.marks.held));
    this.#deleteBelow(this.orders.logStart);
  }

  /**
   * What others have deleted a head had ordered that was cut out before all had heard it: nobody
   * brings it back, so it is ordered anew.
   */
  #leadOn(held: number, logStartMax: number): void {
    if (this.refusalOfCommit(this.nowMs) === undefined) this.#commit(held);
    this.#deleteBelow(logStartMax);
  }

  #deleteBelow(ordered: number): void {
    const offset = Math.min(ordered, this.marks.committed);
    if (offset > this.marks.logStart) this.emit({ kind: "moveLogStart", offset });
  }

  #commit(offset: number): void {
    if (offset <= this.marks.committed) return;
    this.marks.committed = offset;
    this.emit({ kind: "commit", offset });
  }

  /** A head that leaves takes nothing any more, and goes once its successor has it all. */
  #drain(): void {
    if (!this.isLeaving || this.#followers.successor.held < this.marks.end) return;
    if (this.nowMs - this.#handedOverMs < this.limits.retryMs) return;
    this.#handedOverMs = this.nowMs;
    this.emit({ kind: "ask", ask: { kind: "handOver", epoch: this.epoch } });
  }

  /** A head that gives its place away: what it hears of the next one may be late. */
  get isLeaving(): boolean {
    return this.role === "head" && this.config?.leaving.includes(this.member.id) === true;
  }

  get #isTooShort(): boolean {
    return (this.config?.members.length ?? 0) < this.#minInsyncReplicas;
  }

  /** Why this replica may say of nothing now that the whole chain has it. */
  refusalOfCommit(nowMs: number): RefusalCode | undefined {
    const isAble = this.#haltedFor === undefined && !this.marks.isCutting && this.#isHead;
    if (!isAble || !this.ports.lease.holds(nowMs)) return "NOT_LEADER_OR_FOLLOWER";
    return this.#isTooShort ? "NOT_ENOUGH_REPLICAS" : undefined;
  }

  /** Why no client may append here now; `acks` as Kafka's, -1 is all. */
  refusalOfAppend(acks: number, nowMs: number): RefusalCode | undefined {
    const isAble = this.#haltedFor === undefined && !this.marks.isCutting;
    const mayLead = isAble && this.#isHead && !this.isLeaving;
    if (!mayLead || !this.ports.lease.holds(nowMs)) return "NOT_LEADER_OR_FOLLOWER";
    return acks === -1 && this.#isTooShort ? "NOT_ENOUGH_REPLICAS" : undefined;
  }

  /** Why nothing may be read here now. A replica that nobody follows up any more goes stale. */
  refusalOfRead(nowMs: number): RefusalCode | undefined {
    const isMember = this.role !== "outsider" && this.role !== "joiner";
    const mayServe = this.#haltedFor === undefined && isMember && this.ports.lease.holds(nowMs);
    const isHeard = nowMs - this.#upstream.freshMs <= this.limits.lagTimeMaxMs;
    return mayServe && (this.#isHead || isHeard) ? undefined : "NOT_LEADER_OR_FOLLOWER";
  }

  /**
   * Whether what is committed here is the newest there is: not at once at a new head (KIP-207), and
   * not where another one may be the head by now: this one has asked for it, or has taken too long.
   */
  knowsLatest(nowMs: number): boolean {
    if (!this.#isHead || this.#haltedFor !== undefined || this.isLeaving) return false;
    return this.ports.lease.holds(nowMs) && this.marks.committed >= this.#floor;
  }

  /** As of `Followers`. */
  copyingTo(link: LinkId, session: number): Member | undefined {
    return this.#followers.copyingTo(link, session);
  }

  /** The greatest log start in the chain, as far as it is known here. */
  get logStartMax(): number {
    return this.#followers.logStartMax;
  }

  /** What every replica of the chain has, as this one knows it; of a head: of the whole chain. */
  get chainMarks(): ChainMarks {
    return this.#followers.leastMarks();
  }
}
