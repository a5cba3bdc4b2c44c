/** Where something was found; fields that do not apply are left out. */
export interface FoundAt {
  readonly topic?: string;
  readonly partition?: number;
  /** The file's name in the partition's folder, or in the data directory. */
  readonly file: string;
  /** Of the first byte, in the file. */
  readonly position?: number;
  readonly sizeBytes?: number;
}

/**
 * What a scrub found. A damage lost the offsets from `firstLostOffset` to `lastLostOffset`; without
 * them no record is lost. A note is worth knowing and no damage.
 */
export interface Finding extends FoundAt {
  readonly kind: "damage" | "note";
  readonly why: string;
  readonly firstLostOffset?: number;
  readonly lastLostOffset?: number;
}

/** Messages from before magic 2 count as one record each, compressed or not. */
export interface VerifyTotals {
  partitions: number;
  segments: number;
  batches: number;
  records: number;
  bytes: number;
  damaged: number;
}
