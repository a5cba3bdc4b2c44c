import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";

/** Which topic a partition's files belong to; a name alone may come back with another id. */
export interface TopicKey {
  readonly name: string;
  readonly id: Uuid;
  /**
   * Xylem made the topic and it was never to be compacted: every offset is in a batch, and one that
   * is in none was lost. A topic that Kafka made may have gaps; so may one that does not say. Live:
   * asked each time the files are opened.
   */
  readonly isDense?: boolean;
}

export interface ReplicaKey extends TopicKey {
  /** There can be no files of it here yet: those that do not say whose they are are another's. */
  readonly isNew?: boolean;
}

/** A partition whose files lie in the data directory. */
export interface FoundPartition {
  readonly topic: string;
  readonly index: number;
}

/** How the place where partitions live is doing. Read at any time. */
export interface StorageHealth {
  /** Infinity where nothing but its own bound limits it. */
  readonly freeBytes: number;
  /** Bytes of all files; 0 unless `log.disk.max.bytes` asks for it. */
  readonly usedBytes: number;
  /** Appends that found no room, since the start. */
  readonly refusedAppends: number;
  /** Places in logs that were found damaged since the start. */
  readonly damages: number;
  /** Appends are refused: one was, and there has been no room since, or only just. */
  readonly isFull: boolean;
  /** Told when appends begin to be refused: what may go need not wait for its time. */
  onFull(listener: () => void): void;
}

/** Files of partitions that are kept for a person until others have filled these again. */
export interface SetAside {
  /** Also from an earlier life. */
  has(topic: string, index: number): boolean;
  forget(topic: string, index: number): Promise<void>;
}

/** The offset below which a fork takes the records of a partition; none above the last stable. */
export type CutOf = (partition: PartitionLog) => number | Promise<number>;

/** Where partitions live: one data directory, or memory. */
export interface PartitionStorage {
  /** The partitions that have files, unordered; asked once, before any is opened. */
  findPartitions(): readonly FoundPartition[];
  /**
   * The id of the topic that found files belong to, `likely` also where a few of its bits have
   * flipped; undefined: they do not say.
   */
  readTopicId(found: FoundPartition, likely?: Uuid): Promise<Uuid | undefined>;
  /** Opens a partition, empty when it has no files. At most once for each until it is removed. */
  openPartition(topic: TopicKey, index: number, settings: TopicSettings): Promise<PartitionLog>;
  /**
   * Puts files in place for a partition of `target`, which is opened afterwards: those of an open
   * one, up to the cut. Nothing is there after a failure. The active segment of the source may be
   * closed.
   */
  forkPartition(source: TopicKey, index: number, target: TopicKey, cutOf: CutOf): Promise<void>;
  /** Closes the partition if it is open and removes its files. Absent: no error. */
  removePartition(topic: TopicKey, index: number): Promise<void>;
  /** Closes it and leaves its files as they are; answers whether any were open. */
  leavePartition(topic: TopicKey, index: number): Promise<boolean>;
}

/** One that holds replicas as well. */
export interface ReplicaStorage extends PartitionStorage {
  /** As openPartition, of one of which a chain says what is committed. It is open until removed. */
  openReplica(topic: ReplicaKey, index: number, settings: TopicSettings): Promise<ReplicaLog>;
  /** Closes a replica that is open and opens it again, as a start would that finds its files. */
  reopenReplica(topic: ReplicaKey, index: number, settings: TopicSettings): Promise<ReplicaLog>;
  /** As removePartition, but its files go aside; of several times those of the first. */
  setAsidePartition(topic: TopicKey, index: number): Promise<void>;
  readonly aside: SetAside;
}
