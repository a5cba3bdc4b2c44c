import type { Gate } from "./gate.ts";

/** What one writer was told of one partition, and when. */
export interface Lane {
  readonly topic: string;
  readonly partition: number;
  /** The number in its records' stamps. */
  readonly writer: number;
  /** By sequence: the offset that was acknowledged. */
  readonly told: readonly (number | undefined)[];
  /** When each answer came, by `performance.now()`. */
  readonly answeredMs: number[];
  /** Refusals that a writer like this may never meet. */
  readonly complaints: string[];
  /** Writes until the gate ends. */
  run(gate: Gate): Promise<void>;
}

/** The longest time without an answer from `fromMs` to `toMs`. */
export function longestGapMs(
  { answeredMs }: Pick<Lane, "answeredMs">,
  fromMs: number,
  toMs: number,
) {
  const within = answeredMs.filter((atMs) => atMs > fromMs && atMs < toMs);
  let longestMs = 0;
  let lastMs = fromMs;
  for (const atMs of [...within, toMs]) {
    longestMs = Math.max(longestMs, atMs - lastMs);
    lastMs = atMs;
  }
  return Math.round(longestMs);
}
