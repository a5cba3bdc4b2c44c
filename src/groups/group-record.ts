/** A record of `__consumer_offsets` as data. A null value is a tombstone. */
export type GroupRecord = OffsetRecord | ClassicGroupRecord;

export interface OffsetRecord {
  readonly kind: "offset";
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly value: CommittedOffset | null;
}

export interface ClassicGroupRecord {
  readonly kind: "classicGroup";
  readonly group: string;
  readonly value: ClassicGroupImage | null;
}

/** One committed position of a group. */
export interface CommittedOffset {
  readonly offset: number;
  /** -1: not told. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestampMs: number;
  /** Set by OffsetCommit v2-4 with a retention time; null: the broker's retention decides. */
  readonly expireTimestampMs: number | null;
  /** 16 bytes; null: not known. */
  readonly topicId: Uint8Array | null;
}

/** A classic group as it is stored: what is needed to resume it after a restart. */
export interface ClassicGroupImage {
  /** "" for a group that never had a member. */
  readonly protocolType: string;
  readonly generation: number;
  readonly protocolName: string | null;
  readonly leader: string | null;
  /** When the group came into its state; -1: not known. */
  readonly stateTimestampMs: number;
  readonly members: readonly StoredMember[];
}

export interface StoredMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly subscription: Uint8Array;
  readonly assignment: Uint8Array;
}
