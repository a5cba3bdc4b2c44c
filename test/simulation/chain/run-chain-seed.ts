import { World } from "./chain-world.ts";
import { Violation } from "./judge.ts";

export interface ChainReport {
  readonly seed: number;
  readonly violation: string | undefined;
  /** The last events. */
  readonly lines: readonly string[];
  readonly isFull: boolean;
  readonly stepCount: number;
  readonly requestCount: number;
  readonly commitCount: number;
  readonly acknowledgedCount: number;
  readonly changeCount: number;
  readonly faults: ReadonlyMap<string, number>;
}

/** Runs one schedule. `linesMax`: how many of its last events are kept; 0 is fastest. */
export function runChainSeed(seed: number, linesMax = 0): ChainReport {
  const world = new World(seed, linesMax);
  let violation: string | undefined;
  try {
    world.run();
  } catch (error) {
    // A broken invariant of the replica is found as well.
    violation = error instanceof Violation ? error.message : String((error as Error).stack);
  }
  const { judge, controllers, lines, isFull, stepCount, requestCount, faults } = world;
  const { commitCount, acknowledgedCount } = judge;
  const { changeCount } = controllers;
  const counts = { stepCount, requestCount, commitCount, acknowledgedCount, changeCount };
  return { seed, violation, lines, isFull, ...counts, faults };
}
