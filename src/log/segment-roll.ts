/** Positions and relative offsets in a segment's files are int32. */
const int32Max = 0x7fffffff;

/** The active segment, as far as rolling goes. */
export interface SegmentHead {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly recordCount: number;
  /** The largest timestamp of the first batch; below 0 when it has none. */
  readonly firstTimestampMs: number;
  readonly createdMs: number;
  readonly isIndexFull: boolean;
  /** What it ended with is damaged or gone: only a name says where a batch behind that lies. */
  readonly endsInDamage: boolean;
}

export interface SegmentLimits {
  readonly sizeBytesMax: number;
  /** `segment.ms` less this segment's jitter. */
  readonly ageMsMax: number;
  readonly recordCountMax: number;
}

/** What is about to be appended. */
export interface IncomingBatch {
  readonly sizeBytes: number;
  readonly lastOffset: number;
  readonly maxTimestampMs: number;
}

/** Whether a new segment takes `incoming` (records.md, Log segments). */
export function shouldRoll(
  head: SegmentHead,
  incoming: IncomingBatch,
  limits: SegmentLimits,
  nowMs: number,
): boolean {
  if (head.endsInDamage || incoming.lastOffset - head.baseOffset > int32Max) return true;
  if (head.sizeBytes === 0) return false;
  const sizeBytesMax = Math.min(limits.sizeBytesMax, int32Max);
  if (head.sizeBytes > sizeBytesMax - incoming.sizeBytes) return true;
  if (ageMs(head, incoming.maxTimestampMs, nowMs) > limits.ageMsMax) return true;
  return head.isIndexFull || head.recordCount >= limits.recordCountMax;
}

/** Whether a segment nobody appends to is old enough to be closed. */
export function shouldRollIdle(head: SegmentHead, limits: SegmentLimits, nowMs: number): boolean {
  return head.sizeBytes > 0 && nowMs - idleSinceMs(head) > limits.ageMsMax;
}

/**
 * From when on an idle segment ages: its first record's time, or when it was made if that is later.
 * By the former alone, records of long ago that are loaded now would roll it at every check.
 */
export function idleSinceMs({ firstTimestampMs, createdMs }: SegmentHead): number {
  return Math.max(firstTimestampMs, createdMs);
}

function ageMs(head: SegmentHead, newestMs: number, nowMs: number): number {
  return head.firstTimestampMs < 0 ? nowMs - head.createdMs : newestMs - head.firstTimestampMs;
}
