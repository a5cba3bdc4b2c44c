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
