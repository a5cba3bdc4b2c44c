import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { emptyFacts, type PartitionFacts } from "../../../log/partition-facts.ts";
import type { RetainedSegment } from "../../../log/retention-plan.ts";
import type { Producer } from "../../../log/producer-states.ts";
import type { AbortedTransaction } from "../../../log/transaction-index.ts";
import type { TopicKey } from "../../ports/partition-storage.ts";
import type { PartitionCompaction } from "../compaction/partition-compaction.ts";
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
} from "../partition-log.ts";
import { closedError } from "../partition-progress.ts";
import type { Partition } from "../partition.ts";

/** Clients wait for it, or nobody does. */
export type LoadUrgency = "client" | "background";

/** Opens and closes the files of lazy partitions, a bounded number at a time. */
export interface PartitionOpener {
  /** Rises with each look for idle partitions. */
  readonly round: number;
  readonly clock: Clock;
  openFiles(partition: LazyPartition, urgency: LoadUrgency): Promise<Partition>;
  /** Opens a partition without files at once; undefined: that can not be done without waiting. */
  openEmpty(partition: LazyPartition): Partition | undefined;
  /** Rejects when they are not as they should be: the next `openFiles` checks them. */
  closeFiles(partition: LazyPartition, opened: Partition): Promise<void>;
}

/**
 * A partition whose files are opened at first use and closed again when nobody has used it for a
 * while. Shut, it is a handful of numbers. A use that needs files waits for `load` first.
 *
 * shut → (load) → opening → open → (unload) → closing → shut;
 * opening → (failure) → shut;
 * any → (retire) → retired.
 */
export class LazyPartition implements PartitionLog {
  readonly key: TopicKey;
  readonly index: number;
  readonly #opener: PartitionOpener;
  #settings: TopicSettings;
  /** Undefined while it is open, and when only the files can tell. */
  #facts: PartitionFacts | undefined;
  #opened: Partition | undefined;
  /** Opening or closing. */
  #pending: Promise<void> | undefined;
  #failure: XylemError | undefined;
  /** Of those that came while it was shut, and of the patient ones. */
  #listeners: Set<Listener> | undefined;
  #usedRound = 0;
  #isRetired = false;

  constructor(
    key: TopicKey,
    index: number,
    start: { opener: PartitionOpener; settings: TopicSettings; facts: PartitionFacts | undefined },
  ) {
    this.key = key;
    this.index = index;
    this.#opener = start.opener;
    this.#settings = start.settings;
    this.#facts = start.facts;
  }

  get topic(): string {
    return this.key.name;
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  /** The open partition; undefined while it is shut. */
  get opened(): Partition | undefined {
    return this.#opened;
  }

  /** What is known without its files; undefined: nothing. Of a shut partition only. */
  get facts(): PartitionFacts | undefined {
    return this.#facts;
  }

  get stopped(): XylemError | undefined {
    return this.#opened?.stopped;
  }

  get logStart(): number {
    return this.#opened?.logStart ?? this.#facts?.logStart ?? 0;
  }

  get end(): number {
    return this.#opened?.end ?? this.#facts?.end ?? 0;
  }

  get committed(): number {
    return this.#opened?.committed ?? this.#facts?.end ?? 0;
  }

  get lastStable(): number {
    return this.#opened?.lastStable ?? this.#facts?.end ?? 0;
  }

  get flushed(): number {
    return this.#opened?.flushed ?? this.#facts?.end ?? 0;
  }

  get leaderEpoch(): number {
    return this.#opened?.leaderEpoch ?? this.#facts?.leaderEpoch ?? -1;
  }

  get sizeBytes(): number {
    return this.#opened?.sizeBytes ?? this.#facts?.sizeBytes ?? 0;
  }

  get compaction(): PartitionCompaction | undefined {
    return this.#opened?.compaction;
  }

  load(need: PartitionNeed = "files"): Promise<void> | undefined {
    if (need === "facts" && this.#facts !== undefined) return undefined;
    this.#usedRound = this.#opener.round;
    if (this.#opened !== undefined || this.#openedEmpty() !== undefined) return undefined;
    return this.#openForClient();
  }

  /** As `load`, but for the background: it is no use that keeps it open. */
  async open(): Promise<void> {
    if (this.#opened === undefined) await this.#openWhenDone("background");
  }

  append(batch: Uint8Array, options: AppendOptions): Appended {
    return this.#use().append(batch, options);
  }

  endTransaction(end: TransactionEnd): Appended {
    return this.#use().endTransaction(end);
  }

  abortedTransactions(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]> {
    const opened = this.#use();
    const found = opened.abortedTransactions(from, to);
    return found instanceof Promise ? opened.rest.holds.during(() => found) : found;
  }

  writable(): Promise<void> | undefined {
    return this.#opened?.writable();
  }

  whenCommitted(offset: number, done: (error?: Error) => void): void {
    if (this.#opened !== undefined) this.#opened.whenCommitted(offset, done);
    else this.#whenShut(offset, done);
  }

  whenHeld(offset: number, done: (error?: Error) => void): void {
    if (this.#opened !== undefined) this.#opened.whenHeld(offset, done);
    else this.#whenShut(offset, done);
  }

  whenStored(offset: number, durability: Durability, done: (error?: Error) => void): undefined {
    if (this.#opened !== undefined) this.#opened.whenStored(offset, durability, done);
    else this.#whenShut(offset, done);
  }

  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    const opened = this.#use();
    const result = opened.read(offset, options);
    return result instanceof Promise ? opened.rest.holds.during(() => result) : result;
  }

  findByTimestamp(timestampMs: number, upTo: number): Promise<TimestampedOffset | undefined> {
    return this.hold((opened) => opened.findByTimestamp(timestampMs, upTo));
  }

  findMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    return this.hold((opened) => opened.findMaxTimestamp());
  }

  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#use().endOffsetForEpoch(epoch);
  }

  epochAt(offset: number): number {
    const facts = this.#facts;
    if (this.#opened !== undefined || facts === undefined) return this.#use().epochAt(offset);
    return offset === facts.logStart ? facts.logStartEpoch : this.#use().epochAt(offset);
  }

  deleteRecordsBefore(offset: number): Promise<number> {
    return this.hold((opened) => opened.deleteRecordsBefore(offset));
  }

  /** No use of a shut partition: it is opened only when there can be something to do. */
  async applyRetention(nowMs: number, acknowledged = 0): Promise<RetainedBefore | undefined> {
    const facts = this.#facts;
    if (facts !== undefined && nowMs < facts.upkeepDueMs && acknowledged <= facts.logStart) {
      return undefined;
    }
    await this.open();
    const opened = this.#use();
    return await opened.rest.holds.during(() => opened.applyRetention(nowMs, acknowledged));
  }

  retained(): Promise<readonly RetainedSegment[]> {
    return this.hold((opened) => opened.retained());
  }

  producers(): Iterable<Producer> {
    return this.#use().producers();
  }

  configure(settings: TopicSettings): void {
    this.#settings = settings;
    this.#opened?.configure(settings);
    // Other limits, other times: the next round of upkeep looks at it.
    const facts = this.#facts;
    if (facts !== undefined && facts.end > 0) this.#facts = { ...facts, upkeepDueMs: 0 };
  }

  onAdvance(listener: AdvanceListener): () => void {
    const isPatient = listener.isPatient === true;
    if (this.#opened !== undefined && !isPatient) return this.#opened.onAdvance(listener);
    const waiting = new Listener(listener);
    if (this.#opened !== undefined) waiting.follow(this.#opened);
    this.#listeners ??= new Set();
    this.#listeners.add(waiting);
    return () => {
      this.#listeners?.delete(waiting);
      waiting.unsubscribe?.();
    };
  }

  /** Resolves once nothing opens or closes any more; later uses are refused. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    await this.#pending?.catch(() => undefined);
  }

  /** Nobody has used it in `round` or since. */
  isUnused(round: number): boolean {
    const isInOrder = this.#opened !== undefined && this.#opened.stopped === undefined;
    return isInOrder && this.#pending === undefined && !this.#isRetired && this.#usedRound < round;
  }

  #isIdle(round: number): boolean {
    return this.isUnused(round) && this.#opened?.rest.isBusy === false;
  }

  /** Shuts it if it is idle. What fails is told by the opener and left to the next `load`. */
  async unload(round: number): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined || !this.#isIdle(round)) return;
    const facts = await opened.rest.holds.during(() =>
      opened.rest.describe(this.#opener.clock.nowMs()),
    );
    if (opened !== this.#opened || !this.#isIdle(round)) return;
    this.#facts = opened.rest.hasFiles ? facts : emptyFacts;
    this.#opened = undefined;
    const closing = this.#close(opened);
    this.#pending = closing;
    await closing;
  }

  async #close(opened: Partition): Promise<void> {
    try {
      await this.#opener.closeFiles(this, opened);
    } catch (error) {
      this.#failure = asFailure(error);
      // It says so to everybody, and is not opened as if nothing had been.
      if (opened.stopped !== undefined) this.#opened = opened;
    } finally {
      this.#pending = undefined;
    }
  }

  async #openForClient(): Promise<void> {
    await this.#openWhenDone("client");
    // It may have taken longer than partitions stay open that nobody uses.
    this.#usedRound = this.#opener.round;
  }

  async #openWhenDone(urgency: LoadUrgency): Promise<void> {
    if (this.#pending !== undefined) await this.#pending;
    if (this.#opened !== undefined) return;
    if (this.#isRetired) throw closedError();
    this.#pending ??= this.#open(urgency);
    await this.#pending;
  }

  async #open(urgency: LoadUrgency): Promise<void> {
    try {
      this.#follow(await this.#opener.openFiles(this, urgency));
    } catch (error) {
      this.#failure = asFailure(error);
      throw this.#failure;
    } finally {
      this.#pending = undefined;
    }
  }

  #openedEmpty(): Partition | undefined {
    const isEmpty = this.#facts === emptyFacts;
    if (!isEmpty || this.#pending !== undefined || this.#isRetired) return undefined;
    const opened = this.#opener.openEmpty(this);
    return opened && this.#follow(opened);
  }

  #follow(opened: Partition): Partition {
    if (opened.settings !== this.#settings) opened.configure(this.#settings);
    if (this.key.isDense !== true) opened.compaction.allowGaps();
    this.#opened = opened;
    this.#facts = undefined;
    this.#failure = undefined;
    for (const waiting of this.#listeners ?? []) {
      waiting.follow(opened);
      if (!waiting.isPatient) this.#listeners?.delete(waiting);
    }
    return opened;
  }

  #use(): Partition {
    const opened = this.#opened ?? this.#openedEmpty();
    if (opened !== undefined) return opened;
    throw this.#failure ?? closedError();
  }

  /** Runs `work` while it is open. */
  async hold<T>(work: (opened: Partition) => Promise<T>): Promise<T> {
    await this.load();
    const opened = this.#use();
    return opened.rest.holds.during(() => work(opened));
  }

  /** A shut partition has everything committed that it has. */
  #whenShut(offset: number, done: (error?: Error) => void): void {
    if ((this.#facts ?? emptyFacts).end >= offset) done();
    else done(this.#failure ?? closedError());
  }
}

/** Waits for advances of a partition that may be shut. */
class Listener {
  readonly #advanced: AdvanceListener;
  unsubscribe: (() => void) | undefined;

  constructor(advanced: AdvanceListener) {
    this.#advanced = advanced;
  }

  /** Stays from one opening to the next. */
  get isPatient(): boolean {
    return this.#advanced.isPatient === true;
  }

  follow(opened: Partition): void {
    this.unsubscribe = opened.onAdvance(this.#advanced);
  }
}

function asFailure(error: unknown): XylemError {
  if (error instanceof XylemError) return error;
  return new XylemError("KAFKA_STORAGE_ERROR", "the partition could not be opened", {
    cause: error,
  });
}
