import type { Clock } from "../../../base/clock.ts";
import type { Cancellation } from "../../ports/compactor.ts";

/** Shorter waits are put off until they add up to this. */
const debtMsMax = 100;
/** Longer waits are cut, so that a wish to end is seen soon. */
const waitMsMax = 1_000;

/** Keeps work under a byte rate, and lets others run between its steps. */
export class Pacer {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #cancellation: Cancellation;
  /** When all bytes so far would be done at that rate. */
  #dueMs: number;

  constructor(clock: Clock, bytesPerSecond: number, cancellation: Cancellation) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#cancellation = cancellation;
    this.#dueMs = clock.monotonicMs();
  }

  /** After each step: resolves when the next one may start; rejects once the end is wished. */
  async pass(bytes: number): Promise<void> {
    this.#checkWish();
    await this.#sleep(0);
    const nowMs = this.#clock.monotonicMs();
    // Time that was not used is not saved up.
    this.#dueMs = Math.max(this.#dueMs, nowMs - debtMsMax) + (bytes / this.#bytesPerSecond) * 1000;
    let leftMs = this.#dueMs - nowMs;
    while (leftMs > debtMsMax) {
      this.#checkWish();
      await this.#sleep(Math.min(leftMs, waitMsMax));
      leftMs = this.#dueMs - this.#clock.monotonicMs();
    }
    this.#checkWish();
  }

  #checkWish(): void {
    if (this.#cancellation.isWished) throw new Error("the work was told to end");
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const forget = this.#cancellation.onWish(() => {
        cancel();
        resolve();
      });
      const cancel = this.#clock.schedule(delayMs, () => {
        forget();
        resolve();
      });
    });
  }
}
