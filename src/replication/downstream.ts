import type { ChainInput, LinkId } from "./chain-input.ts";
import { type Ack, type ChainMessage, epochsInHelloMax, type Hello } from "./chain-message.ts";
import { type CommonEnd, findCommonEnd, isBeforeUncleanStart, mayBeOneLog } from "./epoch-table.ts";
import type { ReplicaCore } from "./replica-core.ts";
import { type ChainMarks, noMarks } from "./replica-marks.ts";

const noCommonEnd: CommonEnd = { epoch: -1, offset: 0 };

type Loaded = Extract<ChainInput, { kind: "loaded" }>;

/**
 * A session with a successor, or with a joiner: from its Hello until the connection or the epoch
 * ends. Records are sent from the common end on, once a first Ack has told that the other side
 * has truncated what it had to; then as far ahead of its Acks as the window goes.
 */
export class Downstream {
  readonly link: LinkId;
  readonly session: number;
  readonly #core: ReplicaCore;
  readonly #inFlight: { next: number; sizeBytes: number }[] = [];
  #inFlightBytes = 0;
  #next: number;
  #isReading = false;
  #hasShaken = false;
  #acknowledged: ChainMarks = noMarks;
  #logStartMax = 0;
  #own = { written: 0, flushed: 0 };
  #told = { committed: -1, logStart: -1, flush: 0, freshCount: 0 };
  #toldMs: number;

  /** @param sentEnd What it was sent ends there, by sessions of this epoch that are over. */
  constructor(core: ReplicaCore, link: LinkId, hello: Hello, sentEnd: number) {
    this.#core = core;
    this.link = link;
    this.session = hello.session;
    this.#toldMs = core.nowMs;
    const { marks } = core;
    const { offset, epoch } = commonEndOf(core, hello, sentEnd);
    // Where one of the logs begins later than they part, nothing that the other has can stay.
    const mayStay =
      offset >= Math.max(hello.logStart, marks.logStart) && !isAtDividedBatch(core, hello);
    this.#next = mayStay ? offset : (core.ports.begin() ?? marks.logStart);
    const commonEpoch = mayStay ? epoch : -1;
    const inSession = { epoch: core.epoch, session: this.session };
    const begin = { common: this.#next, commonEpoch };
    const goesBack = core.ports.mayHaveGaps() && this.#next < hello.end;
    const epochs = goesBack ? { epochs: core.ports.epochs().slice(-epochsInHelloMax) } : {};
    this.#send({ kind: "helloOk", ...inSession, ...begin, committed: marks.committed, ...epochs });
  }

  /** It has truncated what it had to, and has said what it holds. */
  get hasShaken(): boolean {
    return this.#hasShaken;
  }

  /** What it was sent, or had already, ends there; -1: it has not said yet that it is in step. */
  get sentEnd(): number {
    return this.#hasShaken ? this.#next : -1;
  }

  /** It has all records, and was told all that is committed. */
  get isQuiet(): boolean {
    const { end, committed } = this.#core.marks;
    return this.#own.written >= end && this.#told.committed >= committed;
  }

  /** What it and all behind it have. */
  get acknowledged(): ChainMarks {
    return this.#acknowledged;
  }

  /** The greatest log start that it or one behind it has; not before it is in step. */
  get logStartMax(): number {
    return this.#logStartMax;
  }

  /** What it has itself. */
  get own(): { readonly written: number; readonly flushed: number } {
    return this.#own;
  }

  /** Answers false when it claims what it was never sent. */
  ack({ written, flushed, logStart, logStartMax, ownWritten, ownFlushed }: Ack): boolean {
    if (ownWritten > this.#next) return false;
    this.#hasShaken = true;
    this.#logStartMax = Math.max(this.#logStartMax, logStartMax);
    const before = this.#acknowledged;
    this.#acknowledged = {
      written: Math.max(before.written, written),
      flushed: Math.max(before.flushed, flushed),
      logStart: Math.max(before.logStart, logStart),
    };
    this.#own = {
      written: Math.max(this.#own.written, ownWritten),
      flushed: Math.max(this.#own.flushed, ownFlushed),
    };
    while (this.#inFlight[0] !== undefined && this.#inFlight[0].next <= this.#own.written) {
      this.#inFlightBytes -= this.#inFlight.shift()?.sizeBytes ?? 0;
    }
    return true;
  }

  /** Sends on what there is. Answers false when what comes next is deleted here. */
  stream(isTick: boolean): boolean {
    if (!this.#hasShaken) return true;
    const { marks, limits } = this.#core;
    if (this.#isReading) return true;
    if (this.#next < marks.logStart && this.#next !== this.#core.ports.begin()) return false;
    const windowBytes = limits.windowBytesMax - this.#inFlightBytes;
    if (this.#next < this.#sendableEnd && windowBytes > 0) this.#read(windowBytes);
    else if (this.#hasNews(isTick)) this.#append(this.#next);
    return true;
  }

  /** A lone head takes back what its disk has no room for: a joiner has none of it. */
  get #sendableEnd(): number {
    const { role, marks } = this.#core;
    return role === "solo" ? marks.written : marks.end;
  }

  #read(windowBytes: number): void {
    this.#isReading = true;
    const { link, session } = this;
    const sizeBytesMax = Math.min(windowBytes, this.#core.limits.appendBytesMax);
    this.#core.emit({ kind: "read", link, session, offset: this.#next, sizeBytesMax });
  }

  loaded({ offset, next, sizeBytes }: Loaded): void {
    if (!this.#isReading || offset !== this.#next) return;
    this.#isReading = false;
    if (next === this.#next) return;
    this.#inFlight.push({ next, sizeBytes });
    this.#inFlightBytes += sizeBytes;
    this.#append(next);
  }

  /** Whether an Append without records is worth while. */
  #hasNews(isTick: boolean): boolean {
    const { marks, orders, limits, nowMs, role } = this.#core;
    const told = this.#told;
    const logStart = Math.max(orders.logStart, marks.logStart);
    if (logStart > told.logStart || orders.flush > told.flush) return true;
    const isQuiet = this.#inFlight.length === 0 && this.#next === marks.end;
    if (marks.committed > told.committed && (isQuiet || isTick)) return true;
    if (!isTick) return false;
    const isHead = role === "head" || role === "solo";
    const isDue = nowMs - this.#toldMs >= limits.lagTimeMaxMs / 4;
    return isHead ? isDue : orders.freshCount > told.freshCount;
  }

  #append(next: number): void {
    const { marks, orders, epoch, nowMs, role, ports } = this.#core;
    const { committed } = marks;
    const { flush, freshCount } = orders;
    // What is deleted here was ordered by a head, this one or one before it.
    const logStart = Math.max(orders.logStart, marks.logStart);
    const isHead = role === "head" || role === "solo";
    const isFresh = isHead ? ports.lease.holds(nowMs) : freshCount > this.#told.freshCount;
    const range = { epoch, session: this.session, base: this.#next, next };
    this.#send({ kind: "append", ...range, committed, logStart, flush, isFresh });
    this.#next = next;
    this.#told = { committed, logStart, flush, freshCount };
    this.#toldMs = nowMs;
  }

  #send(message: ChainMessage): void {
    this.#core.emit({ kind: "send", link: this.link, message });
  }
}

/** A log start may divide a batch, which is sent as a whole: a log without records ends there. */
function isAtDividedBatch({ marks, ports }: ReplicaCore, { end, epochs }: Hello): boolean {
  return epochs.length === 0 && end <= marks.logStart && (ports.begin() ?? end) < end;
}

/**
 * What it was sent in this epoch it has from here, whatever tables say. It may have been appended
 * for it, and would lose what counts as held.
 */
function commonEndOf(core: ReplicaCore, hello: Hello, sentEnd: number): CommonEnd {
  const { end } = hello;
  if (end <= Math.min(sentEnd, core.marks.end)) return { epoch: core.epoch, offset: end };
  const { epoch, offset } = findCommonEnd(core.ports.epochs(), hello.epochs) ?? noCommonEnd;
  return { epoch, offset: Math.max(offset, equalBelow(core, hello)) };
}

/**
 * Only what was committed is deleted: up to its log start the other log was equal to this one. But
 * what a joiner deleted an unclean start may have taken back since, and others be there instead:
 * such a log start would have them deleted. A member's log is equal up to its end, though the
 * tables may not show it: one that was copied lacks epochs whose records compaction had taken.
 */
function equalBelow(core: ReplicaCore, { logStart, end, epochs }: Hello): number {
  const { marks, config, role, ports } = core;
  const isJoiner = role === "tail" || role === "solo";
  if (isJoiner) {
    const isOld = isBeforeUncleanStart(epochs, config?.unclean ?? 0);
    return isOld && logStart > marks.logStart ? 0 : Math.min(logStart, marks.end);
  }
  const own = ports.epochs();
  const mayBeHidden = own.length === 0 || mayBeOneLog(epochs, own, end);
  const mayBeEqual = ports.mayHaveGaps() && mayBeHidden;
  return Math.min(mayBeEqual ? end : logStart, marks.end);
}
