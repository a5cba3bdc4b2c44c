import type { ReplicaCore } from "./replica-core.ts";
import { type ChainMarks, heldOf, noMarks } from "./replica-marks.ts";
import type { SuccessorSlot } from "./successor-slot.ts";

/**
 * A tail's, or a lone head's, side of a join: from near the end on it withholds what the joiner
 * lacks, and asks for it to be appended once it has all that was ever acknowledged from here. It
 * withholds until it sees a newer epoch, whatever that says: the ask may be granted at any time.
 */
export class Joining {
  readonly #core: ReplicaCore;
  readonly #slot: SuccessorSlot;
  /** This replica's end when it adopted the epoch: what it may have acknowledged before. */
  #floor = 0;
  /** Likewise where this log began. */
  #logStartFloor = 0;
  #acknowledged: ChainMarks = noMarks;
  /** What was here at the last tick: a joiner that has it is near. */
  #endBefore = 0;
  #isWithholding = false;
  #askedMs = -Infinity;

  constructor(core: ReplicaCore, slot: SuccessorSlot) {
    this.#core = core;
    this.#slot = slot;
  }

  get isWithholding(): boolean {
    return this.#isWithholding;
  }

  beginEpoch(): void {
    this.#floor = this.#core.marks.end;
    this.#logStartFloor = this.#core.marks.logStart;
    this.#endBefore = this.#core.marks.end;
    this.#acknowledged = noMarks;
    this.#isWithholding = false;
    this.#askedMs = -Infinity;
  }

  /** What was never written was never acknowledged. */
  takenBack(): void {
    this.#floor = Math.min(this.#floor, this.#core.marks.end);
  }

  /** This replica answers for so much now. */
  acknowledge(chain: ChainMarks): void {
    const before = this.#acknowledged;
    this.#acknowledged = {
      written: Math.max(before.written, chain.written),
      flushed: Math.max(before.flushed, chain.flushed),
      logStart: Math.max(before.logStart, chain.logStart),
    };
  }

  step(isTick: boolean): void {
    this.#withholdWhenNear();
    if (isTick) this.#endBefore = this.#core.marks.end;
    this.#askWhenComplete();
  }

  #withholdWhenNear(): void {
    if (this.#slot.session?.hasShaken !== true) return;
    const { end } = this.#core.marks;
    if (this.#slot.held >= Math.min(end, this.#endBefore)) this.#isWithholding = true;
  }

  #askWhenComplete(): void {
    const joiner = this.#slot.member;
    if (joiner === undefined || !this.#isWithholding || !this.#isComplete()) return;
    const { nowMs, limits, epoch } = this.#core;
    if (nowMs - this.#askedMs < limits.retryMs) return;
    this.#askedMs = nowMs;
    this.#core.emit({ kind: "ask", ask: { kind: "append", epoch, joiner } });
  }

  /** The joiner has all that was ever acknowledged from here, in this epoch and before. */
  #isComplete(): boolean {
    if (this.#slot.session?.hasShaken !== true) return false;
    const { durability, committed } = this.#core.marks;
    const theirs = this.#slot.acknowledged;
    const needed = Math.max(this.#floor, committed);
    if (theirs.written < Math.max(needed, this.#acknowledged.written)) return false;
    const deleted = Math.max(this.#logStartFloor, this.#acknowledged.logStart);
    if (theirs.logStart < deleted) return false;
    return heldOf(theirs, durability) >= Math.max(needed, heldOf(this.#acknowledged, durability));
  }
}
