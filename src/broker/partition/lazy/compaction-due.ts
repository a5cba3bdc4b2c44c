import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { neverMs } from "../../../log/partition-facts.ts";
import { isCompacted } from "../append/validate-batch.ts";

/** A compacted log at rest is looked at no more often than that. */
const recheckMsMin = 3_600_000;

/** When time alone can give the cleaner something to do: a lag that ends, or tombstones to go. */
export function compactionDueMs(settings: TopicSettings, nowMs: number): number {
  if (!isCompacted(settings)) return neverMs;
  const soonestMs = Math.min(settings["max.compaction.lag.ms"], settings["delete.retention.ms"]);
  return Math.min(neverMs, nowMs + Math.max(recheckMsMin, soonestMs));
}
