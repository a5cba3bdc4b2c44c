import type { Cancel } from "../../base/clock.ts";
import type { XylemError } from "../../base/errors.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { RetainedSegment } from "../../log/retention-plan.ts";
import type { Producer } from "../../log/producer-states.ts";
import type { PartitionCompaction } from "./compaction/partition-compaction.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";

/**
 * One partition as the use cases see it. Today a chain of one: committed = held. A chain of three
 * will stand behind the same methods. All offsets are record offsets; nothing here opens records
 * on the hot path.
 */
export interface PartitionLog {
  readonly topic: string;
  readonly index: number;
  /** First offset that may be read. */
  readonly logStart: number;
  /** Next offset to be appended. */
  readonly end: number;
  /** Kafka's high watermark: no door reads at or past it. */
  readonly committed: number;
  /**
   * Upper bound of READ_COMMITTED: the first offset of the oldest transaction that is open or whose
   * marker is not committed, else committed. Moves only when committed does.
   */
  readonly lastStable: number;
  /** All below it is on the disk, whatever the topic's durability asks for. */
  readonly flushed: number;
  readonly leaderEpoch: number;
  readonly sizeBytes: number;
  /** Set once the partition can not be used any more. */
  readonly stopped: XylemError | undefined;
  /** In a cluster, while clients are not served here: what they are told. */
  readonly absence?: XylemError | undefined;
  /**
   * In a cluster, where another node leads it: this node's replica, of which what is committed may
   * be read now (KIP-392). It may lag behind the head.
   */
  readonly follower?: PartitionLog | undefined;
  /** In a cluster: members of its chain, which acks=all counts. Else it is one. */
  readonly inSyncCount?: number;
  /**
   * In a cluster: false at a new head that may not know yet what is committed, until it has
   * committed all it began with (KIP-207).
   */
  readonly knowsLatest?: boolean;
  /** In a cluster, at a head: it gives its place away, and another one may have it by now. */
  readonly isLeaving?: boolean;
  /** In a cluster, at a head: the greatest log start in the chain, as far as it is known here. */
  readonly logStartMax?: number;

  /**
   * Makes it ready for what follows in the same turn of the loop; undefined: it is. Rejects with
   * XylemError when it can not be opened; a later call tries again. `files` is what every method
   * below needs that does not answer a promise; `facts` is enough for the fields above and for
   * `epochAt` of the log start.
   */
  load(need?: PartitionNeed): Promise<void> | undefined;
  /**
   * Checks one magic-2 batch (semantics.md 2, checks 12 to 19), assigns its offsets in place and
   * queues it for the next write. Throws XylemError (first error wins; RecordsRefused carries the
   * indexes of bad records). The caller gives `batch` away. Never waits: backlog is
   * bounded by `log.append.pending.max.bytes` (and `.total.`), past it the caller waits for
   * `writable`.
   */
  append(batch: Uint8Array, options: AppendOptions): Appended;
  /**
   * Appends the marker that ends a producer's transaction here; harmless where none is open.
   * Throws INVALID_PRODUCER_EPOCH and TRANSACTION_COORDINATOR_FENCED.
   */
  endTransaction(end: TransactionEnd): Appended;
  /**
   * The aborted transactions that overlap the offsets [from, to), by ascending marker; markers at
   * or above `lastStable` may be among them. Readers drop the producer's records from `firstOffset`
   * to the marker.
   */
  abortedTransactions(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]>;
  /** Resolves when the append backlog is under its bound again; undefined: it already is. */
  writable(): Promise<void> | undefined;
  /** Calls back once when committed >= offset, or with an error when the partition stopped. */
  whenCommitted(offset: number, done: (error?: Error) => void): void;
  /** As whenCommitted, for what this replica holds (acks=1). */
  whenHeld(offset: number, done: (error?: Error) => void): void;
  /**
   * Calls back once all below `offset` is as durable as is asked here, whatever the topic says:
   * "os" in the page cache, "fsync" on the disk, which is flushed for it. In a chain on all of its
   * replicas, `replicasMin` of them at least; 0: here is enough. Not any more once the answer is
   * called; there is one where that may take for ever, in a chain.
   */
  whenStored(
    offset: number,
    durability: Durability,
    done: (error?: Error) => void,
    replicasMin?: number,
  ): Cancel | undefined;
  /**
   * Stored batches from the one that holds `offset` on, below `upTo`, as they lie on disk.
   * `sizeBytesMax` bounds the answer, except that `wholeFirst` always gives the first batch.
   * Ends at a segment's end. Throws OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE (damage),
   * KAFKA_STORAGE_ERROR.
   */
  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult>;
  /** ListOffsets with a time: the first record at or after it, below `upTo`, if there is one. */
  findByTimestamp(timestampMs: number, upTo: number): Promise<TimestampedOffset | undefined>;
  /** ListOffsets -3: the record with the largest timestamp, first of equals. */
  findMaxTimestamp(): Promise<TimestampedOffset | undefined>;
  /** OffsetForLeaderEpoch; -1, -1 when undefined. */
  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number };
  /** The leader epoch of the batch that holds `offset`; -1 when unknown. */
  epochAt(offset: number): number;
  /** DeleteRecords: moves the log start up, never down; answers it once it is durable. */
  deleteRecordsBefore(offset: number): Promise<number>;
  /**
   * In a cluster: calls back once every replica has, or with why nobody will know; not any more
   * once the answer is called.
   */
  whenDeleted?(offset: number, done: (error?: Error) => void): Cancel | undefined;
  /**
   * Rolls and removes what retention allows at `nowMs`; records below `acknowledged` go as well,
   * where the topic deletes at all. Answers what there was; undefined: nothing was due.
   */
  applyRetention(nowMs: number, acknowledged?: number): Promise<RetainedBefore | undefined>;
  /** Its segments, oldest first; the last one is the active one. */
  retained(): Promise<readonly RetainedSegment[]>;
  /** Producers known here (DescribeProducers). */
  producers(): Iterable<Producer>;
  /** Its compaction; undefined while its files are shut. */
  readonly compaction: PartitionCompaction | undefined;
  /** New settings of the topic; they count from the next append or check on. */
  configure(settings: TopicSettings): void;
  /**
   * In a cluster: another number each time this node begins to serve it. Whoever keeps something of
   * the log in memory has missed what was done while another node led.
   */
  readonly term?: number;
  /** In a cluster: calls `listener` whenever `absence` or its head may have changed. */
  onPlaced?(listener: () => void): () => void;
  /**
   * Of a partition in a cluster: what this node has of it, be clients served from it or not. Where
   * there is no such method, the partition itself.
   */
  findReplica?(): PartitionLog | undefined;
  /** Calls `listener` whenever committed or log start grows, until the answer is called. */
  onAdvance(listener: AdvanceListener): () => void;
}

/** A patient one waits for long: the partition's files may be shut meanwhile. */
export interface AdvanceListener {
  (): void;
  readonly isPatient?: true;
}

/** What retention found. */
export interface RetainedBefore {
  readonly logStart: number;
  readonly sizeBytes: number;
}

export type PartitionNeed = "facts" | "files";

export interface AppendOptions {
  /**
   * "client": full checks. "coordinator": our own records, epoch and sequence unchecked. "mirror":
   * whole batches of another log that keep their offsets, with `expectedEnd`; they have no producer
   * and belong to no transaction (INVALID_RECORD), and offsets that none of them has are refused
   * where the log can not have gaps (OFFSET_MISMATCH).
   */
  readonly origin: "client" | "coordinator" | "mirror";
  /**
   * The transaction coordinator has said that this partition is in the producer's transaction.
   * Without it a transactional batch of a client that begins one here is INVALID_TXN_STATE.
   */
  readonly isTransactionKnown?: boolean;
  /**
   * The batch is taken only at this offset, else OFFSET_MISMATCH: of several writers that expect
   * the same one, one wins. A duplicate of an idempotent producer is answered as ever.
   */
  readonly expectedEnd?: number | undefined;
}

export type Durability = TopicSettings["durability"];

/** The end of a transaction, as its coordinator tells a partition (semantics.md 10, Markers). */
export interface TransactionEnd {
  readonly type: "abort" | "commit";
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  /** From 2 on the epoch is above that of the transaction (KIP-890). */
  readonly transactionVersion: number;
}

export interface Appended {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** Append time for LogAppendTime topics (and of a duplicate its first one), else -1. */
  readonly logAppendTimeMs: number;
  readonly isDuplicate: boolean;
}

export interface ReadOptions {
  readonly sizeBytesMax: number;
  readonly wholeFirst: boolean;
  readonly upTo: number;
}

export interface ReadResult {
  /** Stored bytes, whole batches, in order, ready for the wire. Not to be changed. */
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** Set: the chunks lie in memory that is used again once it is released. */
  readonly lease?: ReadLease;
}

/** Memory that a reader looks at. Who never releases it only keeps it from being used again. */
export interface ReadLease {
  /** The chunks are looked at no more, by nobody. Twice is harmless. */
  release(): void;
}

export interface TimestampedOffset {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}
