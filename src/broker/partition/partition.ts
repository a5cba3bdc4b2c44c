import type { XylemError } from "../../base/errors.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { LeaderEpochs } from "../../log/leader-epochs.ts";
import type { Producer } from "../../log/producer-states.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";
import { AbortedTransactions } from "./producers/aborted-transactions.ts";
import type { CopySource } from "./copies/copy-partition.ts";
import type { LoadedPartition } from "./recovery/load-partition.ts";
import { PartitionCompaction } from "./compaction/partition-compaction.ts";
import { LogStart } from "./log-start.ts";
import type { PartitionContext } from "./partition-context.ts";
import type { PartitionFolder } from "./partition-folder.ts";
import type {
  AppendOptions,
  Appended,
  Durability,
  PartitionLog,
  ReadOptions,
  ReadResult,
  RetainedBefore,
  TimestampedOffset,
  TransactionEnd,
} from "./partition-log.ts";
import { closedError, PartitionProgress } from "./partition-progress.ts";
import { nothingRead, PartitionReader } from "./read/partition-reader.ts";
import { PartitionRest } from "./lazy/partition-rest.ts";
import { PartitionTail } from "./read/partition-tail.ts";
import { PartitionUpkeep } from "./partition-upkeep.ts";
import { PartitionWriter } from "./append/partition-writer.ts";
import { PartitionAppends } from "./append/partition-appends.ts";
import { ProducerJournal } from "./producers/producer-journal.ts";
import { damaged, outOfRange } from "./refusals.ts";
import { Replica, type ReplicaMemory } from "./replica/replica.ts";
import type { ReplicaUse } from "./replica/replica-log.ts";
import type { SegmentList } from "./segment/segment-list.ts";
import { TimestampSearch } from "./read/timestamp-search.ts";

export interface PartitionParts extends LoadedPartition {
  /** The files are as a close in order left them. */
  readonly isClean: boolean;
  readonly topic: string;
  readonly index: number;
  readonly folder: PartitionFolder;
  readonly settings: TopicSettings;
  /** Set: a chain says what is committed. */
  readonly replica: ReplicaMemory | undefined;
}

/**
 * A partition on a disk: a chain of one, so that committed is what is held here, or, with a
 * `replica`, a part of a longer one.
 */
export class Partition implements PartitionLog {
  readonly topic: string;
  readonly index: number;
  readonly retained: PartitionLog["retained"];
  readonly compaction: PartitionCompaction;
  readonly #context: PartitionContext;
  readonly #folder: PartitionFolder;
  readonly #segments: SegmentList;
  readonly #producers: ProducerJournal;
  readonly #aborted: AbortedTransactions;
  readonly #epochs: LeaderEpochs;
  readonly #writer: PartitionWriter;
  readonly #tail: PartitionTail;
  readonly #reader: PartitionReader;
  readonly #search: TimestampSearch;
  readonly #upkeep: PartitionUpkeep;
  readonly #appends: PartitionAppends;
  readonly #progress: PartitionProgress;
  readonly #logStart: LogStart;
  readonly rest: PartitionRest;
  /** Undefined: this node alone says what is committed. */
  readonly replica: Replica | undefined;
  #settings: TopicSettings;
  #isClosed = false;

  constructor(parts: PartitionParts, context: PartitionContext) {
    this.topic = parts.topic;
    this.index = parts.index;
    this.#context = context;
    this.#folder = parts.folder;
    this.#segments = parts.segments;
    this.#producers = new ProducerJournal(parts.producers, context);
    this.#aborted = new AbortedTransactions(parts.segments, parts.folder, context);
    this.#epochs = parts.epochs;
    this.#settings = parts.settings;
    this.#progress = new PartitionProgress(parts.end, parts.replica?.committed);
    const { segments, folder, epochs, settings } = parts;
    const listener = {
      onProgress: () => this.#progressed(),
      onRefused: (error: XylemError) => this.#takeBack(error),
      onStopped: (error: XylemError) => this.#stop(error),
    };
    const tail = (this.#tail = new PartitionTail(context.tails, settings["tail.cache.records"]));
    const writer = new PartitionWriter(context, { segments, folder, tail, listener }, parts);
    this.#writer = writer;
    const producers = this.#producers;
    const appended = { context, folder, segments, epochs, producers, writer };
    this.#appends = new PartitionAppends(appended, parts);
    this.#reader = new PartitionReader({ segments, epochs: parts.epochs, context });
    context.damages.watch(folder.path, (path) => this.#heedDamage(path));
    this.#search = new TimestampSearch(segments, this.#reader, context.compression);
    const onReplaced = (end: number): void => tail.dropBelow(end);
    const files = { context, folder, segments };
    this.compaction = new PartitionCompaction(this, { ...files, ...listener, onReplaced });
    const work = { search: this.#search, compaction: this.compaction };
    const upkeep = (this.#upkeep = new PartitionUpkeep({ ...files, ...work, epochs }));
    this.retained = () => upkeep.retained(this.#settings);
    const onMoved = (): void => {
      tail.dropBelow(this.logStart);
      this.#progress.tell();
    };
    this.#logStart = new LogStart(parts.logStart, { context, folder, epochs, upkeep, onMoved });
    const own = { upkeep, progress: this.#progress, writer };
    this.rest = new PartitionRest(this, { ...parts, ...own });
    this.replica =
      parts.replica &&
      new Replica(this, {
        ...appended,
        appends: this.#appends,
        progress: this.#progress,
        start: this.#logStart,
        memory: parts.replica,
        read: (offset, options) => this.#readWritten(offset, options),
        onCut: () => tail.clear(),
        onStopped: listener.onStopped,
      });
    const spoiled = segments.all.find(({ damages }) => damages.length > 0);
    if (spoiled !== undefined) this.#heedDamage(spoiled.log.path);
  }

  get logStart(): number {
    return this.#logStart.offset;
  }

  get end(): number {
    return this.#appends.end;
  }

  get committed(): number {
    return this.#progress.committed;
  }

  get lastStable(): number {
    const { committed } = this;
    const firstUnstable = this.#producers.states.firstUnstable ?? committed;
    return Math.min(committed, Math.max(firstUnstable, this.logStart));
  }

  get leaderEpoch(): number {
    return this.#appends.leaderEpoch;
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes;
  }

  get flushed(): number {
    return this.#writer.flushed;
  }

  /** The next start need not look at what lies below: records and indexes are on the disk. */
  get recoveryPoint(): number {
    const unsealed = this.#segments.firstUnsealed?.baseOffset ?? Infinity;
    return Math.min(this.#writer.flushed, unsealed, this.replica?.countedUpTo ?? Infinity);
  }

  /** What a next life may take for committed: it is on the disk. */
  get committedPoint(): number {
    const { flushed } = this.#writer;
    return Math.min(this.committed, flushed, this.replica?.countedUpTo ?? Infinity);
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  get stopped(): XylemError | undefined {
    return this.#progress.stopped;
  }

  /** What the checkpoint of log starts is to say, as in Kafka: what the files do not tell. */
  get logStartUntold(): number | undefined {
    return this.#logStart.untold(this.#writer.flushed);
  }

  producers(): Iterable<Producer> {
    return this.#producers.states.values();
  }

  append(bytes: Uint8Array, options: AppendOptions): Appended {
    this.#checkUse("append");
    return this.#appends.append(this, bytes, options);
  }

  endTransaction(end: TransactionEnd): Appended {
    this.#checkUse("append");
    return this.#appends.endTransaction(end);
  }

  abortedTransactions(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]> {
    this.checkOpen();
    return this.#aborted.find(from, to);
  }

  load(): undefined {
    return undefined;
  }

  writable(): Promise<void> | undefined {
    if (this.#writer.pendingBytes >= this.#pendingBytesMax) return this.#progress.writable();
    return this.#context.backlog.whenRoom();
  }

  whenHeld(offset: number, done: (error?: Error) => void): void {
    this.#progress.whenHeld(offset, done);
  }

  whenCommitted(offset: number, done: (error?: Error) => void): void {
    this.#progress.whenCommitted(offset, done);
  }

  whenStored(offset: number, durability: Durability, done: (error?: Error) => void): undefined {
    this.#progress.whenStored(this.#writer, { offset, durability }, done);
  }

  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    this.#checkUse("read");
    if (offset < this.logStart || offset > this.end) {
      throw outOfRange(this, offset);
    }
    const upTo = Math.min(options.upTo, this.#writer.written);
    if (offset >= upTo) return nothingRead;
    const limits = upTo === options.upTo ? options : { ...options, upTo };
    return this.#readWritten(offset, limits);
  }

  #readWritten(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    return this.#tail.read(offset, options) ?? this.#reader.read(offset, options);
  }

  async findByTimestamp(timestampMs: number, upTo: number): Promise<TimestampedOffset | undefined> {
    this.#checkUse("read");
    const bounds = { logStart: this.logStart, upTo: Math.min(upTo, this.#writer.written) };
    return this.#search.findFirst(timestampMs, bounds);
  }

  async findMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    this.#checkUse("read");
    const upTo = this.replica === undefined ? this.#writer.written : this.committed;
    return this.#search.findLargest({ logStart: this.logStart, upTo });
  }

  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#appends.endOfEpoch(epoch);
  }

  epochAt(offset: number): number {
    return this.#epochs.find(offset);
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    this.#checkUse("append");
    await this.#logStart.delete(offset, this.committed, this.#settings);
    return this.logStart;
  }

  async applyRetention(nowMs: number, acknowledged = 0): Promise<RetainedBefore> {
    this.checkOpen();
    const before = { logStart: this.logStart, sizeBytes: this.sizeBytes };
    if (this.#appends.isRollDue(nowMs)) await this.roll();
    // The head says where a log starts.
    if (this.replica?.isHead !== false) await this.#retain(nowMs, acknowledged);
    this.#producers.expire(nowMs);
    return before;
  }

  async #retain(nowMs: number, acknowledged: number): Promise<void> {
    const bounds = { logStart: this.logStart, committed: this.committed, nowMs, acknowledged };
    const plan = await this.#upkeep.planRetention(this.#settings, bounds);
    this.checkOpen();
    const isAll = plan.segmentCount > 0 && plan.segmentCount === this.#segments.all.length;
    if (isAll) await this.roll();
    await this.#logStart.moveTo(plan.logStart, this.#settings);
  }

  configure(settings: TopicSettings): void {
    this.#settings = settings;
    this.#appends.configure(settings);
    this.#writer.configure(settings);
    this.#tail.configure(settings["tail.cache.records"]);
    this.#progressed();
  }

  onAdvance(listener: Parameters<PartitionLog["onAdvance"]>[0]): () => void {
    return this.#progress.onAdvance(listener);
  }

  /** What `copyPartition` copies, up to an `end` that is committed. */
  copySource(end: number): CopySource {
    this.checkOpen();
    const parts = { context: this.#context, folder: this.#folder, segments: this.#segments };
    return { ...parts, epochs: this.#epochs, logStart: this.logStart, end };
  }

  /** Index entries and epochs go to their files, so that recovery need not make them again. */
  async checkpoint(): Promise<void> {
    if (this.stopped !== undefined || this.#isClosed || this.rest.isAsLoaded) return;
    const { turns } = this.#segments;
    const write = (): Promise<void> => turns.take("checkpoint", () => this.#upkeep.checkpoint());
    await this.rest.holds.during(write);
  }

  /** Flushes, writes snapshots and checkpoints, closes files. Later calls of append throw. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.replica?.settled();
    await this.#writer.settled();
    if (this.stopped === undefined) await this.#writer.flushAll();
    if (this.stopped === undefined) await this.#upkeep.close(this.#producers, this.end);
    await this.#release();
  }

  /** Lets go of all files without keeping anything: the partition is about to be removed. */
  async abandon(): Promise<void> {
    this.#isClosed = true;
    await this.replica?.settled();
    await this.#writer.settled();
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#context.damages.unwatch(this.#folder.path);
    this.#tail.clear();
    this.#progress.release();
    await this.#upkeep.release();
  }

  /** Closes the active segment behind all that is queued; the new one stays empty for now. */
  async roll(): Promise<void> {
    if (this.replica !== undefined) await this.replica.whenWhole();
    await this.#appends.roll();
    this.checkOpen();
  }

  #progressed(): void {
    const isFsync = this.#settings.durability === "fsync";
    const held = isFsync ? this.#writer.flushed : this.#writer.written;
    const { written } = this.#writer;
    this.#producers.settle(written, this.replica === undefined ? held : this.committed);
    if (this.#writer.pendingBytes < this.#pendingBytesMax) this.#progress.letWrite();
    if (!isFsync) this.#upkeep.flushWhenDue(this.#writer, this.#settings);
    this.#progress.noteStored(this.#writer);
    this.#progress.advance(held);
    this.replica?.noteStored();
  }

  /** The disk was full: what was not written never happened, unless a successor has it. */
  #takeBack(error: XylemError): void {
    if (this.replica?.isAlone === false) return this.replica.stopFull(error);
    this.#appends.takeBack(this.logStart);
    this.#progress.takeBack(this.#writer.written, error);
    this.replica?.noteTakenBack();
  }

  #stop(error: XylemError): void {
    if (this.stopped !== undefined) return;
    const { topic, index: partition } = this;
    this.#context.log.error("a partition stopped", { topic, partition, why: error.message });
    this.#tail.clear();
    this.#progress.stop(error);
    this.replica?.noteStopped(error);
  }

  /** `log.damage.policy`. */
  #heedDamage(path: string): void {
    if (this.#context.settings["log.damage.policy"] === "stop") this.#stop(damaged(path));
    this.replica?.noteDamaged();
  }

  get #pendingBytesMax(): number {
    return this.#context.settings["log.append.pending.max.bytes"];
  }

  /** Throws why nobody can use it. */
  checkOpen(): void {
    if (this.stopped !== undefined) throw this.stopped;
    if (this.#isClosed) throw closedError();
  }

  #checkUse(use: ReplicaUse): void {
    this.checkOpen();
    this.replica?.check(use);
  }
}
