import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Copy, CopyPace, CopyWaiter } from "./copy-pace.ts";

/** One partition's way through the pace at which this node copies; one read at a time. */
export class CopyGate {
  readonly #pace: CopyPace;
  readonly #waiter: CopyWaiter;
  readonly #partition: number;
  #counted: { readonly copy: Copy; readonly sizeBytes: number } | undefined;
  #isHeldBack = false;

  constructor(pace: CopyPace, waiter: CopyWaiter, partition: number) {
    this.#pace = pace;
    this.#waiter = waiter;
    this.#partition = partition;
  }

  /** The last who asked was told to wait. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** As of `CopyPace.take`; without a joiner, what is read is live and not held back. */
  take(joinerId: number | undefined, sizeBytesMax: number, settings: TopicSettings): number {
    this.#isHeldBack = false;
    if (joinerId === undefined) {
      this.leave();
      return sizeBytesMax;
    }
    const copy = { partition: this.#partition, joinerId, settings };
    const sizeBytes = this.#pace.take(copy, sizeBytesMax, this.#waiter);
    this.#isHeldBack = sizeBytes === 0;
    this.#counted = sizeBytes === 0 ? undefined : { copy, sizeBytes };
    return sizeBytes;
  }

  /** So much was read in the end, a batch is never divided; 0 when the read failed. */
  done(sizeBytes: number): void {
    if (this.#counted === undefined) return;
    this.#pace.giveBack(this.#counted.copy, this.#counted.sizeBytes - sizeBytes);
    this.#counted = undefined;
  }

  leave(): void {
    this.#isHeldBack = false;
    this.#pace.leave(this.#waiter);
  }
}
