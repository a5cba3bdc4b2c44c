import type { Clock } from "../base/clock.ts";
import type { Log, LogFields } from "../base/log.ts";

const pauseMs = 10_000;

/** Warnings that strangers can cause: one in ten seconds, which says how many there were. */
export class SeldomWarning {
  readonly #log: Log;
  readonly #clock: Clock;
  #nextMs = 0;
  #untold = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  tell(message: string, fields: LogFields): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextMs) {
      this.#untold += 1;
      return;
    }
    this.#nextMs = nowMs + pauseMs;
    this.#log.warn(message, this.#untold === 0 ? fields : { ...fields, alsoRefused: this.#untold });
    this.#untold = 0;
  }
}
