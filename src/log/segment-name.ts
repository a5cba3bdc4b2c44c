/** The files of a segment, by suffix (records.md, Log segments). */
export type SegmentSuffix = ".log" | ".index" | ".timeindex" | ".txnindex" | ".snapshot";

const namePattern = /^(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)$/;

/** 20 digits and the suffix. A snapshot is named after the offset that follows what it covers. */
export function formatSegmentName(baseOffset: number, suffix: SegmentSuffix): string {
  return String(baseOffset).padStart(20, "0") + suffix;
}

/** Undefined for a file that is none of a segment's. */
export function parseSegmentName(
  name: string,
): { baseOffset: number; suffix: SegmentSuffix } | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const baseOffset = Number(match[1]);
  if (!Number.isSafeInteger(baseOffset)) return undefined;
  return { baseOffset, suffix: match[2] as SegmentSuffix };
}
