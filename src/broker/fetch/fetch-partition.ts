import type { XylemError } from "../../base/errors.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";
import type { PartitionLog, ReadLease, ReadResult } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";

/** Where the reader's history leaves ours (KIP-595): it truncates to `endOffset` and asks again. */
export interface DivergingEpoch {
  readonly epoch: number;
  readonly endOffset: number;
}

export interface FetchWish {
  fetchOffset: number;
  /** -1: not checked. */
  currentLeaderEpoch: number;
  /** Epoch of the last record the reader holds; -1: not checked. */
  lastFetchedEpoch: number;
  sizeBytesMax: number;
}

const noChunks: readonly Uint8Array[] = [];
const noTransactions: readonly AbortedTransaction[] = [];

/** One partition that is fetched from: what is wanted, and the outcome of the last pass. */
export class FetchPartition implements FetchWish {
  /** Undefined: there is none of the name or id that was asked for. */
  topic: Topic | undefined;
  readonly index: number;
  fetchOffset: number;
  currentLeaderEpoch: number;
  lastFetchedEpoch: number;
  sizeBytesMax: number;

  /** What is committed may be read from a replica of this node that is not head. */
  mayFollow = false;

  error: XylemError | undefined;
  divergingEpoch: DivergingEpoch | undefined;
  highWatermark = -1;
  lastStable = -1;
  logStart = -1;
  /** The node that the reader had better ask: nothing was read for it then. -1: this one. */
  preferredReplica = -1;
  /** Of a read of committed records: whose records among `chunks` are to be dropped, and where. */
  aborted: readonly AbortedTransaction[] = noTransactions;
  /** Stored batches, whole, in order. Not to be changed. */
  chunks: readonly Uint8Array[] = noChunks;
  sizeBytes = 0;
  #lease: ReadLease | undefined;

  constructor(topic: Topic | undefined, index: number, wish: FetchWish) {
    this.topic = topic;
    this.index = index;
    this.fetchOffset = wish.fetchOffset;
    this.currentLeaderEpoch = wish.currentLeaderEpoch;
    this.lastFetchedEpoch = wish.lastFetchedEpoch;
    this.sizeBytesMax = wish.sizeBytesMax;
  }

  /** The partition, wherever it is led. */
  get partition(): PartitionLog | undefined {
    return this.topic?.partitions[this.index];
  }

  /** What it is read from here. */
  get log(): PartitionLog | undefined {
    const { partition } = this;
    return (this.mayFollow ? partition?.follower : undefined) ?? partition;
  }

  update(wish: FetchWish): void {
    this.fetchOffset = wish.fetchOffset;
    this.currentLeaderEpoch = wish.currentLeaderEpoch;
    this.lastFetchedEpoch = wish.lastFetchedEpoch;
    this.sizeBytesMax = wish.sizeBytesMax;
  }

  take({ chunks, sizeBytes, lease }: ReadResult): void {
    this.chunks = chunks;
    this.sizeBytes = sizeBytes;
    this.#lease = lease;
  }

  /** The records are the caller's, who has noted `chunks`; he releases the lease, if any. */
  handOver(): ReadLease | undefined {
    const lease = this.#lease;
    this.#lease = undefined;
    this.dropRecords();
    return lease;
  }

  /** Lets the records go, which nobody was given. */
  dropRecords(): void {
    this.#lease?.release();
    this.#lease = undefined;
    this.chunks = noChunks;
    this.sizeBytes = 0;
  }

  /** Forgets the outcome, the records with it. */
  clear(): void {
    this.error = undefined;
    this.divergingEpoch = undefined;
    this.highWatermark = -1;
    this.lastStable = -1;
    this.logStart = -1;
    this.preferredReplica = -1;
    this.aborted = noTransactions;
    this.chunks = noChunks;
    this.sizeBytes = 0;
  }

  fail(error: XylemError): void {
    this.clear();
    this.error = error;
  }
}
