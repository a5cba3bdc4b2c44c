import type { LinkId, Peer } from "./chain-input.ts";
import type { Ack, Hello, Reject } from "./chain-message.ts";
import type { Downstream } from "./downstream.ts";
import { Joining } from "./joining.ts";
import { sameMember, type Member } from "./member.ts";
import { PendingHellos, type PendingHello } from "./pending-hellos.ts";
import type { ReplicaCore } from "./replica-core.ts";
import { type ChainMarks, leastOf } from "./replica-marks.ts";
import { SuccessorSlot } from "./successor-slot.ts";

/** All that is behind a replica: its successor, or at the tail the joiner whose turn it is. */
export class Followers {
  readonly #core: ReplicaCore;
  readonly successor: SuccessorSlot;
  readonly joiner: SuccessorSlot;
  readonly #slots: readonly SuccessorSlot[];
  readonly #joining: Joining;
  readonly #hellos = new PendingHellos();

  constructor(core: ReplicaCore) {
    this.#core = core;
    this.successor = new SuccessorSlot(core);
    this.joiner = new SuccessorSlot(core);
    this.#slots = [this.successor, this.joiner];
    this.#joining = new Joining(core, this.joiner);
  }

  /** Nothing of an older epoch counts any more. */
  beginEpoch(): void {
    for (const slot of this.#slots) slot.beginEpoch();
    this.#joining.beginEpoch();
  }

  /** The log's end has gone back. */
  takenBack(): void {
    this.#joining.takenBack();
  }

  expect(successor: Member | undefined, joiner: Member | undefined): void {
    this.successor.expect(successor);
    this.joiner.expect(joiner);
  }

  /** Nobody joins, and the successor has all that there is. */
  get isQuiet(): boolean {
    return this.joiner.member === undefined && this.successor.isQuiet;
  }

  find(link: LinkId, session: number): Downstream | undefined {
    return this.successor.find(link, session) ?? this.joiner.find(link, session);
  }

  /**
   * The joiner that this session copies to, as long as nothing waits for it: near the end of its
   * join what is committed does.
   */
  copyingTo(link: LinkId, session: number): Member | undefined {
    const isIt = this.joiner.find(link, session) !== undefined && !this.#joining.isWithholding;
    return isIt ? this.joiner.member : undefined;
  }

  closed(link: LinkId): void {
    this.#hellos.closed(link);
    for (const slot of this.#slots) slot.closed(link);
  }

  hello(pending: PendingHello): void {
    this.#hellos.add(pending);
    if (pending.hello.epoch > this.#core.epoch) this.#core.emit({ kind: "lookAgain" });
  }

  /**
   * Answers handshakes: those of a later epoch wait for it here, those of a follower until this
   * replica `isInStep` with the one ahead, so that what it says of its log stays true, and knows
   * where its log begins.
   */
  answerHellos(isInStep: boolean): void {
    const due = this.#hellos.takeDue(({ peer, hello }) => {
      if (hello.epoch > this.#core.epoch) return false;
      // Where a log that has nothing in common begins anew has to be known.
      const isReady = isInStep && this.#core.ports.begin() !== undefined;
      return isReady || this.#slotOf(peer, hello) === undefined;
    });
    for (const { link, peer, hello } of due) {
      const slot = this.#slotOf(peer, hello);
      if (slot !== undefined) slot.open(link, hello);
      else this.#refuse(link, hello);
    }
  }

  #slotOf(peer: Peer, hello: Hello): SuccessorSlot | undefined {
    if (hello.epoch !== this.#core.epoch) return undefined;
    return this.#slots.find(({ member }) => member !== undefined && sameMember(member, peer));
  }

  #refuse(link: LinkId, { session }: Hello): void {
    const message = { kind: "reject", epoch: this.#core.epoch, session } as const;
    this.#core.emit({ kind: "send", link, message });
  }

  ack(link: LinkId, message: Ack): void {
    if (message.epoch !== this.#core.epoch) return;
    for (const slot of this.#slots) {
      if (slot.find(link, message.session)?.ack(message) === false) slot.reject();
    }
  }

  rejected(link: LinkId, { session }: Reject): void {
    for (const slot of this.#slots) {
      if (slot.find(link, session) !== undefined) slot.closed(link);
    }
  }

  /** Reports who stands still, unless this replica itself is to blame. */
  tick(isToBlame: boolean): void {
    for (const slot of this.#slots) {
      if (isToBlame) slot.forgive();
      else slot.tick();
    }
  }

  /** What this replica and all behind it have, a joiner included once it is waited for. */
  leastMarks(): ChainMarks {
    let least: ChainMarks = this.#core.marks;
    if (this.successor.member !== undefined) least = leastOf(least, this.successor.acknowledged);
    if (this.#joining.isWithholding) least = leastOf(least, this.joiner.acknowledged);
    return least;
  }

  /** The greatest log start here and behind: a head has ordered it. */
  get logStartMax(): number {
    const { successor, joiner } = this;
    const behind = Math.max(successor.session?.logStartMax ?? 0, joiner.session?.logStartMax ?? 0);
    return Math.max(this.#core.marks.logStart, behind);
  }

  /** Sends on what there is, and sees to the join; `told` is what was answered for ahead. */
  advance(told: ChainMarks, isTick: boolean): void {
    this.#joining.acknowledge(told);
    this.#joining.step(isTick);
    for (const slot of this.#slots) slot.stream(isTick);
  }
}
