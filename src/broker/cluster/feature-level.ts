import { assert } from "../../base/assert.ts";

/**
 * Formats and messages that nodes of an earlier version would not understand are used from a level
 * on, which a person sets once all nodes can work at it (`xylem cluster finalize`). A cluster
 * begins at the level of the node that makes it; one from before there were levels at the first.
 */
export const featuresKey = "features";
/** Kafka's tools see it as a feature of this name. */
export const featureName = "xylem.version";
export const firstLevel = 1;

/** What each level brings. */
export const featureLevels = {
  /** A node names the replicas that have lost something, and vouches for its others. */
  lostReplicas: 2,
} as const;

/** The levels that this version can work at, both included. */
export const knownLevels = { least: firstLevel, most: 2 } as const;

export function formatFeatures(level: number): string {
  return JSON.stringify({ level });
}

export function parseFeatures(text: string): number {
  const { level } = JSON.parse(text) as { level?: unknown };
  assert(Number.isSafeInteger(level), `the coordinator's ${featuresKey} is not ours: ${text}`);
  return level as number;
}
