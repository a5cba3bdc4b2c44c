import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { SegmentLimits } from "../../../log/segment-roll.ts";
import { isCompacted, segmentBytesMax } from "./validate-batch.ts";

/**
 * When a segment is rolled. The jitter is a function of its base offset: it needs no memory and
 * still spreads the rolls of many partitions.
 */
export function segmentLimits(settings: TopicSettings, baseOffset: number): SegmentLimits {
  const segmentMs = settings["segment.ms"];
  const jitterMs = Math.min(settings["segment.jitter.ms"], segmentMs);
  const lagMs = isCompacted(settings) ? settings["max.compaction.lag.ms"] : Infinity;
  const spread = jitterMs === 0 ? 0 : (Math.imul(baseOffset + 1, 0x9e3779b1) >>> 0) / 2 ** 32;
  return {
    sizeBytesMax: segmentBytesMax(settings),
    ageMsMax: Math.min(segmentMs, lagMs) - Math.floor(spread * jitterMs),
    recordCountMax: settings["segment.records"],
  };
}
