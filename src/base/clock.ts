/** Stops a scheduled callback; harmless once it has run or was cancelled before. */
export type Cancel = () => void;

/** Time as the broker sees it. Tests and embedders inject a virtual one. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  nowMs(): number;
  /** Milliseconds since some fixed point. Never goes back. */
  monotonicMs(): number;
  /** Runs `callback` once, at least `delayMs` from now. Does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): Cancel;
}
