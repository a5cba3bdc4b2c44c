import { neverMs } from "./partition-facts.ts";
import type { RetainedSegment, RetentionRules } from "./retention-plan.ts";
import { idleSinceMs, type SegmentHead, type SegmentLimits } from "./segment-roll.ts";

/** A log that nobody appends to, as far as time moves it. */
export interface RestingLog {
  /** Undefined: there is no segment. */
  readonly oldest: RetainedSegment | undefined;
  readonly head: SegmentHead | undefined;
  readonly limits: SegmentLimits;
  readonly rules: RetentionRules;
}

/** When age alone rolls the active segment or lets the oldest one go; the others wait for it. */
export function upkeepDueMs(log: RestingLog): number {
  return Math.min(rollDueMs(log), retentionDueMs(log));
}

function rollDueMs({ head, limits }: RestingLog): number {
  if (head === undefined || head.sizeBytes === 0) return neverMs;
  return later(idleSinceMs(head), limits.ageMsMax);
}

function retentionDueMs({ oldest, rules }: RestingLog): number {
  if (oldest === undefined || oldest.sizeBytes === 0) return neverMs;
  if (!rules.deletes || rules.ageMsMax < 0) return neverMs;
  const { largestTimestampMs, modifiedMs } = oldest;
  return later(largestTimestampMs >= 0 ? largestTimestampMs : modifiedMs, rules.ageMsMax);
}

function later(fromMs: number, ageMs: number): number {
  return Math.min(neverMs, Math.floor(fromMs + ageMs) + 1);
}
