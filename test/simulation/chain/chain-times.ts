import type { ReplicaLimits } from "../../../src/replication/replica-core.ts";

/** Of a node's lease. A schedule's milliseconds are a few events each. */
export const ttlMs = 40;

/** Sizes are counts of records here. */
export const limits: ReplicaLimits = {
  lagTimeMaxMs: 60,
  retryMs: 2,
  windowBytesMax: 6,
  appendBytesMax: 3,
};
