import type { LinkId } from "./chain-input.ts";
import type { Hello } from "./chain-message.ts";
import { Downstream } from "./downstream.ts";
import { sameMember, type Member } from "./member.ts";
import type { ReplicaCore } from "./replica-core.ts";
import { type ChainMarks, heldOf, noMarks } from "./replica-marks.ts";

/**
 * The place behind a replica: the successor, or at the tail the joiner whose turn it is; with its
 * session, if there is one, and a watch over whether it comes along.
 */
export class SuccessorSlot {
  readonly #core: ReplicaCore;
  #member: Member | undefined;
  #session: Downstream | undefined;
  /** What it was sent ends there, by sessions of this epoch that are over; -1: there was none. */
  #sentEnd = -1;
  #ownHeld = 0;
  #movedMs = 0;
  #reportedMs = -Infinity;

  constructor(core: ReplicaCore) {
    this.#core = core;
  }

  get member(): Member | undefined {
    return this.#member;
  }

  get session(): Downstream | undefined {
    return this.#session;
  }

  /** What it and all behind it have; nothing without a session. */
  get acknowledged(): ChainMarks {
    return this.#session?.acknowledged ?? noMarks;
  }

  get isQuiet(): boolean {
    return this.#member === undefined || this.#session?.isQuiet === true;
  }

  get held(): number {
    return heldOf(this.acknowledged, this.#core.marks.durability);
  }

  expect(member: Member | undefined): void {
    const isSame =
      this.#member !== undefined && member !== undefined && sameMember(this.#member, member);
    this.#member = member;
    if (isSame) return;
    this.#forget();
    this.forgive();
  }

  /** How long it has stood still goes on: it may be the reason why there are ever new epochs. */
  beginEpoch(): void {
    this.#forget();
  }

  #forget(): void {
    this.#session = undefined;
    this.#sentEnd = -1;
  }

  #endSession(): void {
    this.#sentEnd = Math.max(this.#sentEnd, this.#session?.sentEnd ?? -1);
    this.#session = undefined;
  }

  /** It has all the time again: it was this replica that could not go on. */
  forgive(): void {
    this.#ownHeld = 0;
    this.#movedMs = this.#core.nowMs;
    this.#reportedMs = -Infinity;
  }

  open(link: LinkId, hello: Hello): void {
    // It came twice: the session it began goes on.
    if (this.find(link, hello.session) !== undefined) return;
    this.#endSession();
    this.#session = new Downstream(this.#core, link, hello, this.#sentEnd);
  }

  /** The session of that number on that connection. */
  find(link: LinkId, session: number): Downstream | undefined {
    const isIt = this.#session?.link === link && this.#session.session === session;
    return isIt ? this.#session : undefined;
  }

  closed(link: LinkId): void {
    if (this.#session?.link === link) this.#endSession();
  }

  /** Ends the session here; the other side shakes hands anew. */
  reject(): void {
    if (this.#session === undefined) return;
    const { link, session } = this.#session;
    this.#endSession();
    const message = { kind: "reject", epoch: this.#core.epoch, session } as const;
    this.#core.emit({ kind: "send", link, message });
  }

  stream(isTick: boolean): void {
    if (this.#session?.stream(isTick) === false) this.reject();
  }

  /** Reports a successor that has neither all records nor got any for too long. */
  tick(): void {
    const { marks, nowMs, limits, epoch } = this.#core;
    if (this.#member === undefined) return;
    const hasSession = this.#session?.hasShaken === true;
    const held = heldOf(this.#session?.own ?? noMarks, marks.durability);
    if (hasSession && (held > this.#ownHeld || held >= marks.end)) {
      this.#ownHeld = held;
      this.#movedMs = nowMs;
    }
    if (nowMs - this.#movedMs <= limits.lagTimeMaxMs) return;
    if (nowMs - this.#reportedMs < limits.retryMs) return;
    this.#reportedMs = nowMs;
    const report = {
      kind: "report",
      epoch,
      stalled: this.#member,
      isReachable: hasSession,
    } as const;
    this.#core.emit({ kind: "ask", ask: report });
  }
}
