import type { Words128 } from "../../base/key-hash.ts";
import type { LastOfProducer } from "../../log/compaction/compact-batch.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";

/** A closed segment, as a compactor reads it. */
export interface SourceSegment {
  readonly baseOffset: number;
  /** Base of the next segment. */
  readonly endOffset: number;
}

/** What a pass over one partition goes by. Plain values: they may go to another thread. */
export interface CompactionTask {
  readonly folder: string;
  /** The closed segments below `upTo`, oldest first. */
  readonly segments: readonly SourceSegment[];
  readonly dirtyFrom: number;
  /** A segment's end; nothing at or above it is touched. */
  readonly upTo: number;
  /** Those that overlap the dirty part; their markers may lie behind it. */
  readonly aborted: readonly AbortedTransaction[];
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly indexIntervalBytes: number;
  /** Of the hash by which keys are told apart. */
  readonly seed: Words128;
  readonly limits: CompactionLimits;
}

export interface CompactionLimits {
  /** Memory of the table of keys. */
  readonly tableBytesMax: number;
  /** Share of it that may be taken. */
  readonly tableLoadFactor: number;
  /** Bytes that are read or written at a time. */
  readonly bufferBytes: number;
  /** Bytes read and written together. */
  readonly bytesPerSecond: number;
}

/** Neighbours that become one segment, which has the base of the first. */
export interface RewriteOrder {
  readonly sources: readonly SourceSegment[];
  /** Those whose last batches may lie in the sources. */
  readonly producers: readonly LastOfProducer[];
  /** Those that overlap the sources; their markers may lie behind them. */
  readonly aborted: readonly AbortedTransaction[];
}

/** A segment that lies complete and synced beside its sources, its names ending in `.cleaned`. */
export interface RewrittenSegment {
  readonly sizeBytes: number;
  readonly bytesRead: number;
  /** As of Segment; -1 none. */
  readonly firstTimestampMs: number;
  readonly largestTimestampMs: number;
  /** A `.txnindex` is there. */
  readonly hasAborted: boolean;
}

/**
 * The heavy part of compaction: reads closed segments and writes `.cleaned` ones by the rules of
 * semantics.md 13. Changes no file that is there; puts nothing in another's place.
 */
export interface Compactor {
  /**
   * Learns the keys of the dirty part, as far as its memory goes. Rejects with CORRUPT_MESSAGE
   * where stored bytes are damaged, DISK_FULL, KAFKA_STORAGE_ERROR; with any error once it is
   * cancelled. A rejected pass is over; files of it may be left.
   */
  begin(task: CompactionTask, cancellation: Cancellation): Promise<CompactionPass>;
  /** Ends all passes and frees what they took. */
  close(): Promise<void>;
}

export interface CompactionPass {
  /** The keys are known up to here: at most `upTo` of the task. */
  readonly endOffset: number;
  readonly bytesRead: number;
  /** Orders come in the order of the log, one at a time, without gaps. Rejects as `begin` does. */
  rewrite(order: RewriteOrder): Promise<RewrittenSegment>;
  /** Always called, after a rejection too. */
  end(): Promise<void>;
}

/** A wish that work under way ends soon. */
export class Cancellation {
  #isWished = false;
  readonly #listeners = new Set<() => void>();

  get isWished(): boolean {
    return this.#isWished;
  }

  wish(): void {
    this.#isWished = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  /** Calls `listener` when it is wished, at once if it is, until the answer is called. */
  onWish(listener: () => void): () => void {
    if (this.#isWished) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
