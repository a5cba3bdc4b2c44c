import type { Clock } from "../../base/clock.ts";

/**
 * What comes to a process from outside: alarms, bytes, ends of disk operations. While it is shut
 * (a stopped process, a stalled event loop) nothing comes in; afterwards all of it does, in order.
 */
export class ProcessGate {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #isShut = false;
  /** Rises with each process: what waits for a dead one is not for its successor. */
  #round = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  enter(run: () => void): void {
    if (this.#isShut) this.#waiting.push(run);
    else run();
  }

  shut(): void {
    this.#isShut = true;
    this.#round += 1;
  }

  /** Whoever waits comes in one after the other, each in a turn of its own. */
  open(): void {
    this.#round += 1;
    this.#letIn(this.#round);
  }

  /** The process is gone, and all that was for it. */
  reset(): void {
    this.#waiting = [];
    this.#isShut = false;
    this.#round += 1;
  }

  #letIn(round: number): void {
    this.#clock.schedule(0, () => {
      if (round !== this.#round) return;
      const next = this.#waiting.shift();
      next?.();
      if (this.#waiting.length > 0) this.#letIn(round);
      else this.#isShut = false;
    });
  }
}
