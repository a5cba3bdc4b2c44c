/** A segment as retention sees it, oldest first in a list. */
export interface RetainedSegment {
  readonly baseOffset: number;
  /** Base of the next segment; of the last one the log end. */
  readonly endOffset: number;
  readonly sizeBytes: number;
  /** Below 0: no record has one, and `modifiedMs` counts. */
  readonly largestTimestampMs: number;
  readonly modifiedMs: number;
}

export interface RetentionRules {
  readonly deletes: boolean;
  /** -1: no bound. */
  readonly ageMsMax: number;
  readonly sizeBytesMax: number;
  readonly recordCountMax: number;
}

export interface RetentionBounds {
  readonly logStart: number;
  readonly committed: number;
  readonly nowMs: number;
  /** Records below it are needed no more, by exact age or acknowledged; 0: it says nothing. */
  readonly unneededUpTo: number;
}

export interface RetentionPlan {
  /** How many of the oldest segments go. All: an empty one is rolled first. */
  readonly segmentCount: number;
  readonly logStart: number;
}

/**
 * What retention removes (semantics.md 13): whole segments from the oldest on, as long as nothing
 * above the committed offset goes. An empty last segment stays.
 */
export function planRetention(
  segments: readonly RetainedSegment[],
  rules: RetentionRules,
  bounds: RetentionBounds,
): RetentionPlan {
  const logStart = planLogStart(rules, bounds);
  let sizeBytes = segments.reduce((total, segment) => total + segment.sizeBytes, 0);
  let segmentCount = 0;
  for (const segment of segments) {
    const isEmpty = segment.sizeBytes === 0 && segment === segments.at(-1);
    if (isEmpty || segment.endOffset > bounds.committed) break;
    const isBelowStart = segment.endOffset <= logStart;
    if (!isBelowStart && !isDue(segment, sizeBytes, rules, bounds.nowMs)) break;
    sizeBytes -= segment.sizeBytes;
    segmentCount += 1;
  }
  const removedUpTo = segments[segmentCount - 1]?.endOffset ?? logStart;
  return { segmentCount, logStart: Math.max(logStart, removedUpTo) };
}

/** What moves the log start exactly, inside a segment too. */
function planLogStart(rules: RetentionRules, bounds: RetentionBounds): number {
  const { logStart, committed, unneededUpTo } = bounds;
  if (!rules.deletes) return logStart;
  const counted = rules.recordCountMax < 0 ? 0 : committed - rules.recordCountMax;
  return Math.max(logStart, counted, Math.min(committed, unneededUpTo));
}

function isDue(
  segment: RetainedSegment,
  sizeBytes: number,
  rules: RetentionRules,
  nowMs: number,
): boolean {
  if (!rules.deletes) return false;
  if (rules.sizeBytesMax >= 0 && sizeBytes - segment.sizeBytes >= rules.sizeBytesMax) return true;
  if (rules.ageMsMax < 0) return false;
  const newestMs =
    segment.largestTimestampMs >= 0 ? segment.largestTimestampMs : segment.modifiedMs;
  return nowMs - newestMs > rules.ageMsMax;
}
