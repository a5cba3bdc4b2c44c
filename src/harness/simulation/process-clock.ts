import type { Cancel, Clock } from "../../base/clock.ts";

/** The time of one simulated process: its alarms go with it, and its wall clock may be wrong. */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  readonly #skewMs: () => number;
  readonly #alarms = new Set<Cancel>();
  #isDead = false;

  constructor(clock: Clock, skewMs: () => number) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  /** In whole milliseconds, as a system tells it. */
  nowMs(): number {
    return Math.floor(this.#clock.nowMs()) + this.#skewMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  schedule(delayMs: number, callback: () => void): Cancel {
    if (this.#isDead) return () => undefined;
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#alarms.delete(stop);
      callback();
    });
    const stop = (): void => {
      this.#alarms.delete(stop);
      cancel();
    };
    this.#alarms.add(stop);
    return stop;
  }

  die(): void {
    this.#isDead = true;
    for (const stop of this.#alarms) stop();
  }
}
