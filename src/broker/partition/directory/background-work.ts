import type { Cancel, Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";

/** Work on a data directory that nobody waits for; what fails is logged. */
export class BackgroundWork {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers = new Set<Cancel>();
  #isClosed = false;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Runs `work` later, unless it is closed first. */
  after(delayMs: number, work: () => Promise<void>): void {
    if (this.#isClosed) return;
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#timers.delete(cancel);
      work().catch((error: Error) => {
        this.#log.warn("background work on logs failed", { why: error.message });
      });
    });
    this.#timers.add(cancel);
  }

  /** Runs `work` again and again, so long after each end. */
  every(intervalMs: number, work: () => Promise<void>): void {
    this.after(intervalMs, async () => {
      try {
        await work();
      } finally {
        this.every(intervalMs, work);
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
