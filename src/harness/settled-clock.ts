import { VirtualClock as Clock } from "../base/virtual-clock.ts";

/** Turns of the event loop in which work that a callback set off, sockets included, gets done. */
const turnsPerStep = 10;

/**
 * Time that moves only when told to: `await clock.advance("31s")` expires sessions, retention and
 * waits as if 31 seconds had passed. Give it to `Xylem.start({ clock })`.
 */
export class VirtualClock extends Clock {
  constructor(options: { readonly startMs?: number } = {}) {
    super({ ...options, settle });
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < turnsPerStep; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
