import type { Cancel, Clock } from "../../base/clock.ts";

/** What faults hold back until their time has come, or until they are removed. */
export class Delays {
  readonly #clock: Clock;
  readonly #held = new Map<() => void, object>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(owner: object, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: Cancel = () => {};
      const release = (): void => {
        cancel();
        this.#held.delete(release);
        resolve();
      };
      this.#held.set(release, owner);
      cancel = this.#clock.schedule(delayMs, release);
    });
  }

  /** What `owner` holds back goes on; without one, everything does. */
  release(owner?: object): void {
    for (const [release, by] of this.#held) if (owner === undefined || by === owner) release();
  }
}
