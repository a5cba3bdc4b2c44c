/** A closed segment as the choice of the next log sees it. */
export interface DirtySegment {
  readonly baseOffset: number;
  /** Base of the next segment. */
  readonly endOffset: number;
  readonly sizeBytes: number;
  /** -1: no record has one. */
  readonly largestTimestampMs: number;
  /** The largest timestamp of its first batch; -1 none, or not known. */
  readonly firstTimestampMs: number;
}

export interface CompactionRules {
  readonly lagMsMin: number;
  readonly lagMsMax: number;
  readonly dirtyRatioMin: number;
}

export interface CompactionBounds {
  /** What the last pass reached; 0: there was none. */
  readonly cleanedUpTo: number;
  readonly logStart: number;
  readonly lastStable: number;
  readonly nowMs: number;
}

/** What a pass over a log would find. */
export interface Dirtiness {
  readonly dirtyFrom: number;
  /** End of the last segment that may be rewritten; at most `dirtyFrom` when none is dirty. */
  readonly upTo: number;
  /** Dirty bytes of all bytes that a pass goes over. */
  readonly ratio: number;
  /** Whether the pass is due. */
  readonly isDue: boolean;
}

/**
 * How dirty a log is (semantics.md 13). `segments` are the closed ones, oldest first. Only whole
 * segments below the last stable offset count: of what lies above it nobody knows yet whether it
 * will be aborted.
 */
export function measureDirtiness(
  segments: readonly DirtySegment[],
  rules: CompactionRules,
  bounds: CompactionBounds,
): Dirtiness {
  const end = segments.at(-1)?.endOffset ?? bounds.logStart;
  const { cleanedUpTo, logStart } = bounds;
  // A checkpoint beyond the log is another log's.
  const dirtyFrom = cleanedUpTo > end ? logStart : Math.max(cleanedUpTo, logStart);
  let upTo = segments[0]?.baseOffset ?? dirtyFrom;
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let oldestMs = Infinity;
  for (const segment of segments) {
    if (segment.endOffset > bounds.lastStable) break;
    const isDirty = segment.endOffset > dirtyFrom;
    if (isDirty && isTooYoung(segment, rules, bounds.nowMs)) break;
    upTo = segment.endOffset;
    if (!isDirty) {
      cleanBytes += segment.sizeBytes;
      continue;
    }
    dirtyBytes += segment.sizeBytes;
    if (segment.firstTimestampMs > 0) oldestMs = Math.min(oldestMs, segment.firstTimestampMs);
  }
  const ratio = dirtyBytes === 0 ? 0 : dirtyBytes / (cleanBytes + dirtyBytes);
  const isLate = dirtyBytes > 0 && oldestMs < bounds.nowMs - rules.lagMsMax;
  return { dirtyFrom, upTo, ratio, isDue: isLate || ratio > rules.dirtyRatioMin };
}

function isTooYoung(segment: DirtySegment, { lagMsMin }: CompactionRules, nowMs: number): boolean {
  return lagMsMin > 0 && segment.largestTimestampMs > nowMs - lagMsMin;
}
