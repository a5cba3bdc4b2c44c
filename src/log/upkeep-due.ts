import { portableCrc32c } from "../base/crc32c.ts";
import type { TopicSettings } from "../base/settings/topic-settings.ts";
import { encodeUtf8 } from "../base/text.ts";
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

const ruleNames = [
  "cleanup.policy",
  "retention.ms",
  "retention.bytes",
  "retention.records",
  "retention.exact",
  "segment.ms",
  "segment.jitter.ms",
  "max.compaction.lag.ms",
  "delete.retention.ms",
] as const satisfies readonly (keyof TopicSettings)[];

const sums = new WeakMap<TopicSettings, number>();

/** Differs, as good as surely, for settings by which upkeep is due at other times. */
export function upkeepRulesSum(settings: TopicSettings): number {
  const known = sums.get(settings);
  if (known !== undefined) return known;
  const text = ruleNames.map((name) => String(settings[name])).join(" ");
  const sum = portableCrc32c(encodeUtf8(text));
  sums.set(settings, sum);
  return sum;
}
