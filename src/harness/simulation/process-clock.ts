import type { Cancel, Clock } from "../../base/clock.ts";
import type { ProcessGate } from "./process-gate.ts";

/** The time of one simulated process: its alarms go with it, and its wall clock may be wrong. */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  readonly #skewMs: () => number;
  readonly #gate: Pick<ProcessGate, "enter"> | undefined;
  readonly #alarms = new Set<Cancel>();
  #isDead = false;

  /** With a gate alarms wait until it is open; time goes on. */
  constructor(clock: Clock, skewMs: () => number, gate?: Pick<ProcessGate, "enter">) {
    this.#clock = clock;
    this.#skewMs = skewMs;
    this.#gate = gate;
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
    let isOver = false;
    const ring = (): void => {
      if (isOver) return;
      this.#alarms.delete(stop);
      callback();
    };
    const gate = this.#gate;
    const due = gate === undefined ? ring : (): void => gate.enter(ring);
    const cancel = this.#clock.schedule(delayMs, due);
    const stop = (): void => {
      isOver = true;
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
