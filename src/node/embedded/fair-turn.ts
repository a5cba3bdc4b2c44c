import { setImmediate as nextTurn } from "node:timers/promises";

/** Calls that need no disk take so much of one turn of the event loop. */
const heldMsMax = 10;

/**
 * Lets the event loop turn. A broker in memory answers without leaving the turn: a program that
 * makes one call after the other would keep its own timers, signals and sockets waiting for ever,
 * and the broker's doors with them.
 */
export class FairTurn {
  #sinceMs: number | undefined;

  /** Resolves at once, or, when the calls of this turn have taken long enough, in the next one. */
  async share(): Promise<void> {
    this.#sinceMs ??= this.#begin();
    if (performance.now() - this.#sinceMs >= heldMsMax) await nextTurn();
  }

  #begin(): number {
    setImmediate(() => {
      this.#sinceMs = undefined;
    });
    return performance.now();
  }
}
