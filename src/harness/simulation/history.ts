import type { Durability } from "./plan.ts";

/** One incarnation of a partition: `<topic id>-<index>`; a topic made anew is another one. */
export type PartitionKey = string;

export interface RecordSeen {
  readonly offset: number;
  /** Who wrote it, as the record itself says; undefined: the bytes are not what any client sent. */
  readonly stamp: string | undefined;
}

/** What clients and the nemesis saw and did, in the order it happened. */
export type HistoryEvent = { readonly atMs: number } & (
  | { kind: "topicCreated"; topicId: string; name: string; partitions: number; rules: TopicRules }
  | { kind: "topicDeleted"; topicId: string; isSure: boolean }
  /** A batch was sent for the first time. */
  | { kind: "sent"; partition: PartitionKey; stamps: readonly string[]; isIdempotent: boolean }
  /** `acks` above 0: the broker said that it holds the batch. */
  | {
      kind: "acked";
      partition: PartitionKey;
      baseOffset: number;
      stamps: readonly string[];
      askedAt: number;
      /** The head of a chain said so for itself alone; absent: for all. */
      isOfHeadAlone?: boolean;
    }
  /** The broker said that it will never hold the batch. */
  | { kind: "refused"; partition: PartitionKey; stamps: readonly string[]; error: string }
  | {
      kind: "read";
      reader: string;
      partition: PartitionKey;
      /** Where the reader asked to begin. */
      from: number;
      askedAt: number;
      records: readonly RecordSeen[];
      /** Who answered; absent: it is not known, or there is one node alone. */
      nodeId?: number | undefined;
    }
  | {
      kind: "readFailed";
      partition: PartitionKey;
      offset: number;
      error: string;
      askedAt: number;
    }
  | {
      kind: "bounds";
      partition: PartitionKey;
      logStart: number;
      committed: number;
      /** How many events had happened when the question was sent. */
      askedAt: number;
    }
  | { kind: "deleteAsked"; partition: PartitionKey; before: number }
  | { kind: "deleted"; partition: PartitionKey; logStart: number; askedAt: number }
  | { kind: "commitAsked"; group: string; partition: PartitionKey; offset: number; commit: number }
  | { kind: "commitAcked"; commit: number }
  | {
      kind: "commitFetched";
      group: string;
      partition: PartitionKey;
      offset: number;
      askedAt: number;
    }
  | { kind: "answer"; api: string; error: string }
  | { kind: "spoiled"; partition: PartitionKey; firstOffset: number; lastOffset: number }
  /** What clients are told is the next offset to come. */
  | { kind: "latest"; partition: PartitionKey; offset: number; askedAt: number }
  /** A power cut or a failed flush: what the disk had not been made to keep may be gone. */
  /** Of a node of a cluster; with the life that ended by it, if one did. */
  | { kind: "unsyncedLost"; nodeId?: number; incarnation?: string }
  /** A node of a cluster comes back with an empty disk. */
  | { kind: "diskLost"; nodeId: number; incarnation?: string }
  /** A bit has flipped in what a node has of a partition, in the batch that ends there. */
  | { kind: "rotted"; partition: PartitionKey; nodeId: number; lastOffset: number }
  /** So has a copy of what is kept of groups. */
  | { kind: "groupsRotted" }
  /** No such bit is left there. */
  /** `leftUpTo`: more rots there, up to this offset. */
  | { kind: "healed"; partition: PartitionKey; nodeId: number; leftUpTo?: number }
  /** The coordinator's entry of a chain, as it was written. */
  | { kind: "chain"; partition: PartitionKey; epoch: number; members: readonly ChainMember[] }
  /** A node moved the committed offset as the head of its epoch, for the first time. */
  | {
      kind: "commits";
      partition: PartitionKey;
      epoch: number;
      by: ChainMember;
      /** Whether the coordinator still holds its lease. */
      isLeased: boolean;
      /** Of its chain, as it knows it. */
      memberCount: number;
    }
  /** The coordinator's state is an older one, without leases, from here on. */
  | { kind: "restored" }
  /** The coordinator's entry of a topic: a shorter chain commits nothing from here on. */
  | { kind: "insyncSet"; topicId: string; replicas: number }
  /** What a member of a group was given in a generation. */
  | { kind: "owns"; group: string; generation: number; member: string; partitions: PartitionKey[] }
  /** What a replica holds when all is over, committed or not, by its own file. */
  | { kind: "replica"; partition: PartitionKey; nodeId: number; batches: readonly StoredBatch[] }
  | { kind: "fault"; fault: string }
  | { kind: "final"; partition: PartitionKey; end: FinalState; askedAt: number }
  | { kind: "stuck"; what: string }
);

/** A node in one life. */
export interface ChainMember {
  readonly nodeId: number;
  readonly incarnation: string;
}

/** A batch in a file: where it lies, and all of its bytes in one number. */
export interface StoredBatch {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly sum: number;
}

export interface TopicRules {
  readonly durability: Durability;
  /** Whether age, size or count may move the log start. */
  readonly hasRetention: boolean;
  readonly isCompacted: boolean;
  /** How long tombstones stay in a compacted topic, at least. */
  readonly deleteRetentionMs?: number;
}

/** All that can be read of a partition when the faults are over. */
export interface FinalState {
  readonly logStart: number;
  readonly committed: number;
  readonly records: readonly RecordSeen[];
  /** Offsets that answered CORRUPT_MESSAGE. */
  readonly unreadable: readonly number[];
}
