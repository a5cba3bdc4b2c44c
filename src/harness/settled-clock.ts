import { VirtualClock as Clock } from "../base/virtual-clock.ts";
import { systemClock } from "../node/system-clock.ts";

/** Turns of the event loop in which work that a callback set off, sockets included, gets done. */
const turnsPerStep = 10;

export interface ClockOptions {
  /** Wall clock at the start, milliseconds since 1970; this machine's when absent. */
  readonly startMs?: number;
  /** Time goes on by itself as well, as fast as real time. */
  readonly flows?: boolean;
}

/**
 * Time that moves when told to: `await clock.advance("31s")` expires sessions, retention and waits
 * as if 31 seconds had passed. Between two advances it stands still, or, with `flows`, goes on.
 * Give it to `Xylem.start({ clock })`; `TestBroker` has one of its own.
 */
export class VirtualClock extends Clock {
  constructor({ startMs = Date.now(), flows = false }: ClockOptions = {}) {
    super({ startMs, settle, ...(flows && { flow: systemClock }) });
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => {
    let left = turnsPerStep;
    const turn = (): void => {
      left -= 1;
      if (left === 0) resolve();
      else setImmediate(turn);
    };
    setImmediate(turn);
  });
}
