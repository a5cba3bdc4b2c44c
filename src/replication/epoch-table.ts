/** Where the records of an epoch end in one log. */
export interface EpochEnd {
  readonly epoch: number;
  /** The offset after the epoch's last record. */
  readonly endOffset: number;
}

/** The last point up to which two logs tell of the same records. */
export interface CommonEnd {
  /** The greatest epoch of which both have records; -1: there is none. */
  readonly epoch: number;
  /** Both logs are equal below it. */
  readonly offset: number;
}

/**
 * Compares two logs by the epochs they have records of (KIP-101, KIP-279): within an epoch offsets
 * are given by one head only, so the shorter of the two is a prefix of the longer. Both tables
 * ascend. Undefined: they have no epoch in common.
 */
export function findCommonEnd(
  own: readonly EpochEnd[],
  other: readonly EpochEnd[],
): CommonEnd | undefined {
  const theirs = new Map(other.map(({ epoch, endOffset }) => [epoch, endOffset]));
  const last = own.findLast(({ epoch }) => theirs.has(epoch));
  if (last === undefined) return undefined;
  const endOffset = theirs.get(last.epoch) ?? 0;
  return { epoch: last.epoch, offset: Math.min(last.endOffset, endOffset) };
}

/**
 * Whether nothing in the log was written since the unclean start of that epoch, which may have
 * taken back what the log's replica knows as committed; 0: there was none.
 */
export function isBeforeUncleanStart(log: readonly EpochEnd[], unclean: number): boolean {
  return (log.at(-1)?.epoch ?? 0) < unclean;
}

/**
 * Whether two logs can have had the same records below an offset that is committed, though their
 * tables agree on less: compaction may have taken all records of an epoch from one of them. It
 * moves none: where epochs begin in the two, they and their offsets have one order.
 */
export function mayBeOneLog(
  own: readonly EpochEnd[],
  other: readonly EpochEnd[],
  committed: number,
): boolean {
  if ((other.at(-1)?.endOffset ?? 0) < committed) return false;
  const starts = startsBelow(committed, own);
  const others = startsBelow(committed, other);
  return starts.every((one) => {
    return others.every((two) => {
      const order = Math.sign(one.epoch - two.epoch);
      return order === 0 || order === Math.sign(one.offset - two.offset);
    });
  });
}

interface EpochStart {
  readonly epoch: number;
  readonly offset: number;
}

/** Not of the first epoch: what of it was before the log start is deleted. */
function startsBelow(offset: number, log: readonly EpochEnd[]): EpochStart[] {
  return log
    .slice(1)
    .map(({ epoch }, at) => ({ epoch, offset: log[at]?.endOffset ?? 0 }))
    .filter((start) => start.offset < offset);
}
