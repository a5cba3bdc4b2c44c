import type { Cancel } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Producer } from "../../../log/producer-states.ts";
import type { RetainedSegment } from "../../../log/retention-plan.ts";
import type { AbortedTransaction } from "../../../log/transaction-index.ts";
import type { PartitionCompaction } from "../../partition/compaction/partition-compaction.ts";
import type {
  AdvanceListener,
  AppendOptions,
  Appended,
  Durability,
  PartitionLog,
  PartitionNeed,
  ReadOptions,
  ReadResult,
  RetainedBefore,
  TimestampedOffset,
  TransactionEnd,
} from "../../partition/partition-log.ts";
import type { RunningChain } from "./running-chain.ts";

type ServingChain = Heeded | "epoch" | "logStartMax" | "memberCount" | Waits;
type Heeded = "isLeaving" | "isReadable" | "knowsLatest";
type Waits = "whenDeleted" | "whenStored";

/** Where a partition is, as seen from here. */
export interface Placement {
  /** The chain's; -1: not known yet. */
  readonly epoch: number;
  /** The node that clients are to ask; -1: there is none at the moment. */
  readonly headId: number;
  /** The log on this node, if it has one. */
  readonly log: PartitionLog | undefined;
  /** Whether clients are served from it. */
  readonly isServed: boolean;
  /** What runs the log on this node. */
  readonly chain?: Pick<RunningChain, ServingChain> | undefined;
  /** Why this node's replica can not be used. */
  readonly failure?: XylemError | undefined;
}

const nowhere: Placement = { epoch: -1, headId: -1, log: undefined, isServed: false };

/**
 * One partition in a cluster, wherever it is. Clients are served by the log that stands behind it
 * here, or are told NOT_LEADER_OR_FOLLOWER; who holds on to it follows as the partition moves.
 */
export class PlacedPartition implements PartitionLog {
  readonly topic: string;
  readonly index: number;
  readonly #mayServe: () => boolean;
  #settings: TopicSettings;
  #placement = nowhere;
  /** The log behind this partition as long as clients are served from it. */
  #served: PartitionLog | undefined;
  #refusal: XylemError | undefined;
  #term = 0;
  readonly #listeners = new Map<AdvanceListener, () => void>();
  readonly #onPlaced = new Set<() => void>();

  /** `mayServe` is asked at each use: the lease may have run out, or another node lead. */
  constructor(
    place: { readonly topic: string; readonly index: number },
    settings: TopicSettings,
    mayServe: () => boolean,
  ) {
    this.topic = place.topic;
    this.index = place.index;
    this.#settings = settings;
    this.#mayServe = mayServe;
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  get placement(): Placement {
    return this.#placement;
  }

  /** From now on it is there. Who waits for an advance looks again. */
  place(placement: Placement = nowhere): void {
    const { log: logBefore, headId, epoch } = this.#placement;
    const servedBefore = this.#served;
    this.#placement = placement;
    this.#served = placement.isServed ? placement.log : undefined;
    this.#refusal = undefined;
    if (servedBefore !== this.#served) this.#term += 1;
    if (placement.log !== logBefore) this.#listenAnew();
    const isSame = servedBefore === this.#served && logBefore === placement.log;
    if (isSame && headId === placement.headId && epoch === placement.epoch) return;
    this.reconsider();
  }

  #listenAnew(): void {
    for (const [listener, leave] of this.#listeners) {
      leave();
      this.#listeners.set(listener, this.#placement.log?.onAdvance(listener) ?? nothing);
    }
  }

  /** What it may answer has changed: who waits for an advance looks again. */
  reconsider(): void {
    for (const listener of this.#onPlaced) listener();
    for (const listener of this.#listeners.keys()) listener();
  }

  get absence(): XylemError | undefined {
    if (this.#served !== undefined && this.#mayServe()) return undefined;
    const { epoch, headId, failure } = this.#placement;
    if (failure !== undefined) return failure;
    const head = headId < 0 ? "has no head now" : `is led by node ${headId}`;
    const notNow = "is not served here: this node has no lease, or does not lead it any more";
    const text = this.#served === undefined ? head : notNow;
    if (this.#refusal?.message.endsWith(text) === true) return this.#refusal;
    const detail = `${this.topic}-${this.index} (epoch ${epoch}) ${text}`;
    return (this.#refusal = new XylemError("NOT_LEADER_OR_FOLLOWER", detail));
  }

  get follower(): PartitionLog | undefined {
    const { log, chain } = this.#placement;
    return this.#served === undefined && chain?.isReadable === true ? log : undefined;
  }

  get term(): number {
    return this.#term;
  }

  get inSyncCount(): number {
    return this.#placement.chain?.memberCount ?? 0;
  }

  get knowsLatest(): boolean {
    return this.#placement.chain?.knowsLatest ?? false;
  }

  get isLeaving(): boolean {
    return this.#placement.chain?.isLeaving ?? false;
  }

  get logStartMax(): number {
    return this.#placement.chain?.logStartMax ?? 0;
  }

  get leaderEpoch(): number {
    return this.#placement.epoch;
  }

  get logStart(): number {
    return this.#served?.logStart ?? 0;
  }

  get end(): number {
    return this.#served?.end ?? 0;
  }

  get committed(): number {
    return this.#served?.committed ?? 0;
  }

  get lastStable(): number {
    return this.#served?.lastStable ?? 0;
  }

  get flushed(): number {
    return this.#served?.flushed ?? 0;
  }

  get sizeBytes(): number {
    return this.#served?.sizeBytes ?? 0;
  }

  get stopped(): XylemError | undefined {
    return this.#served?.stopped;
  }

  /** Every replica compacts its own log. */
  get compaction(): PartitionCompaction | undefined {
    return this.#placement.log?.compaction;
  }

  load(need?: PartitionNeed): Promise<void> | undefined {
    const { absence } = this;
    return absence === undefined ? this.#here().load(need) : Promise.reject(absence);
  }

  append(batch: Uint8Array, options: AppendOptions): Appended {
    return this.#here().append(batch, options);
  }

  endTransaction(end: TransactionEnd): Appended {
    return this.#here().endTransaction(end);
  }

  abortedTransactions(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]> {
    return this.#here().abortedTransactions(from, to);
  }

  writable(): Promise<void> | undefined {
    return this.#served?.writable();
  }

  whenCommitted(offset: number, done: (error?: Error) => void): void {
    const { absence } = this;
    if (absence === undefined) this.#here().whenCommitted(offset, done);
    else done(absence);
  }

  whenHeld(offset: number, done: (error?: Error) => void): void {
    const { absence } = this;
    if (absence === undefined) this.#here().whenHeld(offset, done);
    else done(absence);
  }

  whenStored(
    offset: number,
    durability: Durability,
    done: (error?: Error) => void,
    replicasMin = 1,
  ): Cancel | undefined {
    const { absence } = this;
    if (replicasMin === 0 && absence === undefined) {
      return this.#here().whenStored(offset, durability, done);
    }
    const chain = absence === undefined ? this.#placement.chain : undefined;
    if (chain === undefined) done(absence);
    return chain?.whenStored(offset, { durability, replicasMin }, done);
  }

  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    try {
      const read = this.#here().read(offset, options);
      return read instanceof Promise ? read.catch((error: unknown) => this.#blame(error)) : read;
    } catch (error) {
      return this.#blame(error);
    }
  }

  /** Damage here is no client's matter as long as another replica has what is asked for. */
  #blame(error: unknown): never {
    const isDamaged = error instanceof XylemError && error.code === "CORRUPT_MESSAGE";
    if (!isDamaged || this.inSyncCount < 2) throw error;
    const detail = `another replica is to be asked: ${error.message}`;
    throw new XylemError("NOT_LEADER_OR_FOLLOWER", detail, { cause: error });
  }

  async findByTimestamp(timestampMs: number, upTo: number): Promise<TimestampedOffset | undefined> {
    return await this.#here().findByTimestamp(timestampMs, upTo);
  }

  async findMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    return await this.#here().findMaxTimestamp();
  }

  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#here().endOffsetForEpoch(epoch);
  }

  epochAt(offset: number): number {
    return this.#here().epochAt(offset);
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    return await this.#here().deleteRecordsBefore(offset);
  }

  whenDeleted(offset: number, done: (error?: Error) => void): Cancel | undefined {
    const { absence } = this;
    const chain = absence === undefined ? this.#placement.chain : undefined;
    if (chain === undefined) done(absence);
    return chain?.whenDeleted(offset, done);
  }

  /** Only a head judges what goes; nothing is due elsewhere. */
  async applyRetention(nowMs: number, acknowledged?: number): Promise<RetainedBefore | undefined> {
    if (this.absence !== undefined) return undefined;
    return await this.#here().applyRetention(nowMs, acknowledged);
  }

  async retained(): Promise<readonly RetainedSegment[]> {
    return await this.#here().retained();
  }

  producers(): Iterable<Producer> {
    return this.#here().producers();
  }

  findReplica(): PartitionLog | undefined {
    return this.#placement.log;
  }

  configure(settings: TopicSettings): void {
    this.#settings = settings;
    this.#placement.log?.configure(settings);
  }

  onPlaced(listener: () => void): () => void {
    this.#onPlaced.add(listener);
    return () => this.#onPlaced.delete(listener);
  }

  onAdvance(listener: AdvanceListener): () => void {
    this.#listeners.set(listener, this.#placement.log?.onAdvance(listener) ?? nothing);
    return () => {
      this.#listeners.get(listener)?.();
      this.#listeners.delete(listener);
    };
  }

  /** Throws NOT_LEADER_OR_FOLLOWER. */
  #here(): PartitionLog {
    const { absence } = this;
    if (this.#served === undefined || absence !== undefined) throw absence as XylemError;
    return this.#served;
  }
}

const nothing = (): void => {};
