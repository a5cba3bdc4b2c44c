import { sameMember, type Member } from "./member.ts";
import type { ChainInput, LinkId, Peer } from "./chain-input.ts";
import {
  epochsInHelloMax,
  type Append,
  type ChainMessage,
  type HelloOk,
  type Reject,
} from "./chain-message.ts";
import { isBeforeUncleanStart, mayBeOneLog } from "./epoch-table.ts";
import { type ChainMarks, heldOf, noMarks } from "./replica-marks.ts";
import type { ReplicaCore } from "./replica-core.ts";

type Refused = Extract<ChainInput, { kind: "refused" }>;

/**
 * A replica's session with its predecessor, a joiner's with the tail:
 * none -> shaking (Hello sent) -> cutting (the log is truncated, if it must be) -> ready.
 */
export class Upstream {
  readonly #core: ReplicaCore;
  #predecessor: Member | undefined;
  #link: LinkId | undefined;
  #state: "none" | "shaking" | "cutting" | "ready" = "none";
  #session = 0;
  /** The offset that the next Append of records begins with. */
  #expected = 0;
  /** It was in step since that unclean start: what it knows as committed is so since then. */
  #inStepSince = 0;
  #heardCommitted = 0;
  #freshMs = -Infinity;
  #askedMs = -Infinity;
  /** Since when there is no connection to the predecessor. */
  #unlinkedMs = 0;
  #reportedMs = -Infinity;
  /** Doubles from Hello to Hello: an answer that is only slow still finds its session. */
  #patienceMs: number;
  #told: ChainMarks = noMarks;
  #logStartMaxTold = 0;
  #ownTold = { written: -1, flushed: -1 };

  constructor(core: ReplicaCore) {
    this.#core = core;
    this.#patienceMs = core.limits.retryMs;
  }

  /** The handshake is done: the log is a prefix of the predecessor's. */
  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** It follows nobody, or waits for nothing but what is sent. */
  get isQuiet(): boolean {
    return this.#predecessor === undefined || this.#state === "ready";
  }

  /** What the chain has committed, as far as it was heard in this epoch. */
  get heardCommitted(): number {
    return this.#heardCommitted;
  }

  /** When the head was last heard through the predecessor. */
  get freshMs(): number {
    return this.#freshMs;
  }

  /** From here on it follows this member, or none. */
  follow(predecessor: Member | undefined): void {
    const before = this.#predecessor;
    this.#predecessor = predecessor;
    if (before !== undefined && before.id !== predecessor?.id) {
      this.#core.emit({ kind: "unwant", nodeId: before.id });
    }
    const isSame = before !== undefined && predecessor !== undefined;
    if (!isSame || !sameMember(before, predecessor)) this.#unlink();
    if (predecessor === undefined) this.#state = "none";
    else if (this.#link === undefined) {
      this.#core.emit({ kind: "want", nodeId: predecessor.id });
    }
  }

  /** Nothing of an older epoch counts any more. */
  beginEpoch(): void {
    this.#state = "none";
    this.#heardCommitted = 0;
    this.#askedMs = -Infinity;
    this.#patienceMs = this.#core.limits.retryMs;
  }

  opened(link: LinkId, peer: Peer): void {
    if (this.#predecessor === undefined || !sameMember(this.#predecessor, peer)) return;
    if (link === this.#link) return;
    this.#link = link;
    this.shakeHands();
  }

  closed(link: LinkId): void {
    if (link !== this.#link) return;
    this.#unlink();
    this.#state = "none";
  }

  #unlink(): void {
    this.#link = undefined;
    this.#unlinkedMs = this.#core.nowMs;
  }

  /** Begins the session anew, once the log stands still. */
  shakeHands(): void {
    const { marks, ports, epoch, nowMs } = this.#core;
    if (this.#link === undefined || this.#predecessor === undefined || marks.isCutting) return;
    this.#session = ports.nextSession();
    this.#state = "shaking";
    this.#askedMs = nowMs;
    const { logStart, end } = marks;
    const epochs = ports.epochs().slice(-epochsInHelloMax);
    const session = this.#session;
    this.#send({ kind: "hello", epoch, session, logStart, end, epochs });
  }

  /** Has the time again for which nobody is to be blamed, because this node was asleep. */
  forgive(): void {
    this.#unlinkedMs = this.#core.nowMs;
  }

  tick(): void {
    this.#reportLost();
    const isWaiting = this.#state === "none" || this.#state === "shaking";
    if (!isWaiting || this.#core.nowMs - this.#askedMs < this.#patienceMs) return;
    this.#patienceMs = Math.min(this.#patienceMs * 2, this.#core.limits.lagTimeMaxMs / 2);
    this.shakeHands();
  }

  /**
   * A member without a connection to the one ahead says so when that one, which would report it in
   * half the time, does not: it may reach the coordinator and no other node.
   */
  #reportLost(): void {
    const { role, epoch, nowMs, limits } = this.#core;
    if (this.#predecessor === undefined || this.#link !== undefined || role === "joiner") return;
    if (nowMs - this.#unlinkedMs <= 2 * limits.lagTimeMaxMs) return;
    if (nowMs - this.#reportedMs < limits.retryMs) return;
    this.#reportedMs = nowMs;
    const report = { kind: "report", epoch, stalled: this.#predecessor } as const;
    this.#core.emit({ kind: "ask", ask: { ...report, isReachable: false } });
  }

  answered(link: LinkId, message: HelloOk): void {
    if (this.#state !== "shaking" || !this.#isOfSession(link, message)) return;
    const { ports, config, marks } = this.#core;
    const unclean = config?.unclean ?? 0;
    const isBefore = isBeforeUncleanStart(ports.epochs(), unclean);
    const contradiction = this.#findContradiction(message, isBefore);
    if (contradiction !== undefined) return this.#core.halt(contradiction);
    // Of what it was sent in this epoch nothing is cut: it may have been appended for that.
    const mayDiffer = this.#core.role === "joiner" && message.commonEpoch !== this.#core.epoch;
    const isForeign = mayDiffer && message.commonEpoch === -1 && message.common > marks.logStart;
    const isOld = isBefore && this.#inStepSince !== unclean;
    const keepsSome = mayDiffer && !isForeign;
    if (keepsSome && (this.#doubts(message, isOld) || (isOld && this.#forgets(message)))) return;
    this.#goOnFrom(message, isForeign);
  }

  /** What can not be, whatever has happened; `isOld`: all is from before an unclean start. */
  #findContradiction({ common, epochs }: HelloOk, isOld: boolean): string | undefined {
    const { ports } = this.#core;
    const { committed, logStart, end } = this.#core.marks;
    const isJoiner = this.#core.role === "joiner";
    // What compaction took from one log, and not from the other, hides that they are equal; who
    // speaks an earlier version does not say of what epochs its records are.
    const mayBeHidden = !epochs?.length || mayBeOneLog(ports.epochs(), epochs, committed);
    // A joiner without records can lose none: it was at a log start that divides a batch.
    const isEmpty = logStart === end;
    const mayGoBack = isJoiner && (isEmpty || (ports.mayHaveGaps() && mayBeHidden));
    if (common < committed && !isOld && !mayGoBack) {
      return `${common} is the end in common, ${committed} was committed`;
    }
    if (isJoiner || common === end) return undefined;
    return `a member ends at ${end}, its predecessor knows ${common} of it`;
  }

  /** @param isForeign Nothing here is the chain's. */
  #goOnFrom({ common, committed }: HelloOk, isForeign: boolean): void {
    const { logStart, end } = this.#core.marks;
    this.#heardCommitted = Math.max(this.#heardCommitted, committed);
    this.#expected = common;
    if (isForeign || common > end || common < logStart) this.#cut("restart", common);
    else if (common < end) this.#cut("truncate", common);
    else this.#ready();
  }

  /**
   * What a log from before an unclean start knows as committed counts again once the chain has
   * committed it, and is copied anew for that. True: the log is cut.
   */
  #forgets({ common, committed }: HelloOk): boolean {
    const { marks } = this.#core;
    const known = Math.max(committed, marks.logStart);
    return Math.min(marks.committed, common) > known && this.#keepBelow(known);
  }

  /**
   * Where compaction takes records the tables do not tell exactly where epochs begin: a log that
   * was copied since has them begin with the first record that was left. What is not known as
   * committed here others may have otherwise, however the tables agree; since an unclean start what
   * is known as committed too. True: the log is cut.
   */
  #doubts({ common }: HelloOk, isOld: boolean): boolean {
    if (!this.#core.ports.mayHaveGaps()) return false;
    const { committed, logStart, end } = this.#core.marks;
    const known = isOld ? logStart : Math.max(committed, logStart);
    return Math.min(common, end) > known && this.#keepBelow(known);
  }

  /** What is left is compared anew. */
  #keepBelow(offset: number): true {
    this.#expected = -1;
    this.#cut("truncate", offset);
    return true;
  }

  #cut(kind: "truncate" | "restart", offset: number): void {
    const { marks } = this.#core;
    this.#state = "cutting";
    marks.isCutting = true;
    marks.committed = Math.max(Math.min(marks.committed, offset), marks.logStart);
    this.#core.emit({ kind, offset });
  }

  /** The log was truncated, and says so in `marks`. */
  cut(): void {
    // A batch that the common end divides went as a whole: they are not in step yet.
    if (this.#state === "cutting" && this.#core.marks.end === this.#expected) this.#ready();
    else this.shakeHands();
  }

  #ready(): void {
    this.#state = "ready";
    this.#inStepSince = this.#core.config?.unclean ?? 0;
    this.#patienceMs = this.#core.limits.retryMs;
    this.#told = noMarks;
    this.#logStartMaxTold = 0;
    this.#ownTold = { written: -1, flushed: -1 };
  }

  /** What of an Append is to be appended. */
  take(link: LinkId, message: Append): void {
    if (this.#state !== "ready" || !this.#isOfSession(link, message)) return;
    const { base, next } = message;
    if (base !== this.#expected && next > this.#expected) {
      this.#reject();
      return this.shakeHands();
    }
    if (base === this.#expected && next > base) {
      this.#expected = next;
      this.#core.emit({ kind: "appendReplicated", base, next });
    }
    this.#hear(message);
  }

  #hear({ committed, logStart, flush, isFresh }: Append): void {
    const { orders } = this.#core;
    this.#heardCommitted = Math.max(this.#heardCommitted, committed);
    orders.logStart = Math.max(orders.logStart, logStart);
    if (flush > orders.flush) {
      orders.flush = flush;
      this.#core.emit({ kind: "flush", offset: flush });
    }
    if (!isFresh) return;
    orders.freshCount += 1;
    this.#freshMs = this.#core.nowMs;
  }

  /**
   * What came with an Append was not taken: it is asked for again, after a while. Who has no room
   * asks to be left out until he has: all behind him, and the clients, would wait for the patience
   * of the one ahead. A log without records that begins in the middle of what came, as one does
   * whose records were torn off behind a log start that divides a batch, begins with it.
   */
  refused({ isFull, beginsAt = Infinity }: Refused): void {
    if (this.#state !== "ready") return;
    const { logStart, end } = this.#core.marks;
    if (this.#core.role === "joiner" && logStart === end && beginsAt < end) {
      this.#expected = -1;
      return this.#cut("restart", beginsAt);
    }
    this.#reject();
    const { epoch, nowMs, member } = this.#core;
    this.#askedMs = nowMs;
    if (!isFull) return;
    const report = { kind: "report", epoch, stalled: member } as const;
    this.#core.emit({ kind: "ask", ask: { ...report, isReachable: true } });
  }

  rejected(link: LinkId, message: Reject): void {
    if (link !== this.#link || message.session !== this.#session) return;
    // While the log is cut the next handshake follows by itself.
    if (this.#state !== "cutting") this.#state = "none";
    this.#askedMs = this.#core.nowMs;
    if (message.epoch > this.#core.epoch) this.#core.emit({ kind: "lookAgain" });
  }

  /** Tells what this replica and all behind it have, when that matters; on a tick, all news. */
  acknowledge(chain: ChainMarks, logStartMax: number, isTick: boolean): void {
    if (this.#state !== "ready") return;
    const { written, flushed, durability } = this.#core.marks;
    const told = this.#told;
    const isFirst = this.#ownTold.written < 0;
    const isHeldMore = heldOf(chain, durability) > heldOf(told, durability);
    const isDeletedMore = chain.logStart > told.logStart || logStartMax > this.#logStartMaxTold;
    const isMore = isHeldMore || chain.flushed > told.flushed || isDeletedMore;
    const isNews =
      chain.written > told.written ||
      written !== this.#ownTold.written ||
      flushed !== this.#ownTold.flushed;
    if (!isFirst && !isMore && !(isTick && isNews)) return;
    this.#told = {
      written: Math.max(told.written, chain.written),
      flushed: Math.max(told.flushed, chain.flushed),
      logStart: Math.max(told.logStart, chain.logStart),
    };
    this.#ownTold = { written, flushed };
    this.#logStartMaxTold = Math.max(this.#logStartMaxTold, logStartMax);
    const inSession = { epoch: this.#core.epoch, session: this.#session };
    const own = { logStartMax: this.#logStartMaxTold, ownWritten: written, ownFlushed: flushed };
    this.#send({ kind: "ack", ...inSession, ...this.#told, ...own });
  }

  #isOfSession(link: LinkId, { epoch, session }: HelloOk | Append): boolean {
    return link === this.#link && epoch === this.#core.epoch && session === this.#session;
  }

  #reject(): void {
    this.#state = "none";
    this.#send({ kind: "reject", epoch: this.#core.epoch, session: this.#session });
  }

  #send(message: ChainMessage): void {
    if (this.#link !== undefined) this.#core.emit({ kind: "send", link: this.#link, message });
  }
}
