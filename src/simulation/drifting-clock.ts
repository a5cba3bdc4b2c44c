import { assert } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";

/** A clock that runs faster or slower than another one: 1.05 gains three seconds a minute. */
export class DriftingClock implements Clock {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #startMs: number;

  constructor(clock: Clock, rate: number) {
    assert(rate > 0, "a clock goes forward");
    this.#clock = clock;
    this.#rate = rate;
    this.#startMs = clock.nowMs() - clock.monotonicMs() * rate;
  }

  nowMs(): number {
    return Math.floor(this.#startMs + this.monotonicMs());
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs() * this.#rate;
  }

  schedule(delayMs: number, callback: () => void): Cancel {
    return this.#clock.schedule(delayMs / this.#rate, callback);
  }
}
