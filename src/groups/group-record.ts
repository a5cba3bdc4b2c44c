/** A record of `__consumer_offsets` as data. A null value is a tombstone. */
export type GroupRecord = OffsetRecord | ClassicGroupRecord | ConsumerGroupRecord;

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

/** The parts of a consumer group (KIP-848), each a record of its own: key types 3 and 5 to 8. */
export type ConsumerGroupRecord =
  | { readonly kind: "consumerGroup"; readonly group: string; readonly value: StoredEpoch | null }
  | (OfMember & { readonly kind: "consumerMember"; readonly value: StoredTerms | null })
  | {
      readonly kind: "consumerTarget";
      readonly group: string;
      readonly value: StoredTarget | null;
    }
  | (OfMember & { readonly kind: "consumerTargetMember"; readonly value: TopicPartitions | null })
  | (OfMember & { readonly kind: "consumerCurrent"; readonly value: StoredCurrent | null });

interface OfMember {
  readonly group: string;
  readonly memberId: string;
}

/** Partitions by the text form of their topic's id. */
export type TopicPartitions = ReadonlyMap<string, readonly number[]>;

/** Partitions with the epoch in which each was assigned (KIP-1251), by text topic id. */
export type PartitionEpochs = ReadonlyMap<string, ReadonlyMap<number, number>>;

export interface StoredEpoch {
  readonly epoch: number;
  /** Of the topics that are subscribed to; 0: not known. */
  readonly metadataHash: number;
}

export interface StoredTarget {
  readonly epoch: number;
  /** When it was computed; 0: not known. */
  readonly timestampMs: number;
}

export interface StoredTerms {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopics: readonly string[];
  readonly rebalanceTimeoutMs: number;
  readonly serverAssignor: string | null;
}

export interface StoredCurrent {
  readonly epoch: number;
  readonly previousEpoch: number;
  readonly phase: "stable" | "unrevoked" | "unreleased";
  readonly assigned: PartitionEpochs;
  readonly pendingRevocation: PartitionEpochs;
}
