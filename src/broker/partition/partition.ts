import { XylemError } from "../../base/errors.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { LeaderEpochs } from "../../log/leader-epochs.ts";
import type { Producer } from "../../log/producer-states.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";
import { buildMarker } from "../../protocol/build-batch.ts";
import { RecordBatch } from "../../protocol/record-batch.ts";
import { AbortedTransactions } from "./producers/aborted-transactions.ts";
import { AppendHead } from "./append/append-head.ts";
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
import { describeDuplicate, ProducerJournal } from "./producers/producer-journal.ts";
import { checkExpectedEnd, outOfRange } from "./refusals.ts";
import type { SegmentList } from "./segment/segment-list.ts";
import { TimestampSearch } from "./read/timestamp-search.ts";
import { validateBatch } from "./append/validate-batch.ts";

export interface PartitionParts extends LoadedPartition {
  /** The files are as a close in order left them. */
  readonly isClean: boolean;
  readonly topic: string;
  readonly index: number;
  readonly folder: PartitionFolder;
  readonly settings: TopicSettings;
}

/** A partition on a disk: a chain of one, so that committed is what is held here. */
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
  readonly #head: AppendHead;
  readonly #progress: PartitionProgress;
  readonly #logStart: LogStart;
  readonly rest: PartitionRest;
  #settings: TopicSettings;
  #end: number;
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
    this.#end = parts.end;
    this.#progress = new PartitionProgress(parts.end);
    const { segments, folder, epochs, settings } = parts;
    const listener = {
      onProgress: () => this.#progressed(),
      onRefused: (error: XylemError) => this.#takeBack(error),
      onStopped: (error: XylemError) => this.#stop(error),
    };
    const tail = (this.#tail = new PartitionTail(context.tails, settings["tail.cache.records"]));
    this.#writer = new PartitionWriter(context, { segments, folder, tail, listener }, parts);
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
    this.#head = new AppendHead(segments);
    const own = { upkeep, progress: this.#progress, writer: this.#writer };
    this.rest = new PartitionRest(this, { ...parts, ...own });
    const spoiled = segments.all.find(({ damages }) => damages.length > 0);
    if (spoiled !== undefined) this.#heedDamage(spoiled.log.path);
  }

  get logStart(): number {
    return this.#logStart.offset;
  }

  get end(): number {
    return this.#end;
  }

  get committed(): number {
    return this.#progress.held;
  }

  get lastStable(): number {
    const { committed } = this;
    const firstUnstable = this.#producers.states.firstUnstable ?? committed;
    return Math.min(committed, Math.max(firstUnstable, this.logStart));
  }

  get leaderEpoch(): number {
    return Math.max(0, this.#epochs.latest);
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes;
  }

  get flushed(): number {
    return this.#writer.flushed;
  }

  /** The next start need not look at what lies below: records and indexes are on the disk. */
  get recoveryPoint(): number {
    return Math.min(this.#writer.flushed, this.#segments.firstUnsealed?.baseOffset ?? Infinity);
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
    this.#checkUsable();
    const nowMs = this.#context.clock.nowMs();
    const settings = this.#settings;
    const batch = validateBatch(bytes, { ...options, settings, nowMs }, this.#context);
    const stored = this.#producers.check(batch, options);
    if (stored !== undefined) return describeDuplicate(stored, batch);
    checkExpectedEnd(this, options);
    this.#context.room.take(batch.sizeBytes, options.origin);
    return this.#store(batch, nowMs);
  }

  endTransaction(end: TransactionEnd): Appended {
    this.#checkUsable();
    this.#producers.checkMarker(end);
    const timestampMs = this.#context.clock.nowMs();
    const marker = buildMarker({ ...end, timestampMs }, this.#context);
    this.#context.room.take(marker.length, "coordinator");
    return this.#store(new RecordBatch(marker), timestampMs);
  }

  abortedTransactions(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]> {
    this.#checkUsable();
    return this.#aborted.find(from, to);
  }

  /** Gives a batch its offsets and queues it. */
  #store(batch: RecordBatch, nowMs: number): Appended {
    const baseOffset = this.#end;
    const epoch = this.leaderEpoch;
    batch.assignOffset(baseOffset, epoch);
    const { lastOffset } = batch;
    this.#enqueue(batch, nowMs);
    if (this.#epochs.assign(epoch, baseOffset)) this.#folder.areEpochsDirty = true;
    this.#end = lastOffset + 1;
    const logAppendTimeMs = batch.timestampType === "LogAppendTime" ? nowMs : -1;
    return { baseOffset, lastOffset, logAppendTimeMs, isDuplicate: false };
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
    this.whenHeld(offset, done);
  }

  whenStored(offset: number, durability: Durability, done: (error?: Error) => void): void {
    this.#progress.whenStored(this.#writer, { offset, durability }, done);
  }

  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    this.#checkUsable();
    if (offset < this.logStart || offset > this.#end) {
      throw outOfRange(this, offset);
    }
    const upTo = Math.min(options.upTo, this.#writer.written);
    if (offset >= upTo) return nothingRead;
    const limits = upTo === options.upTo ? options : { ...options, upTo };
    return this.#tail.read(offset, limits) ?? this.#reader.read(offset, limits);
  }

  async findByTimestamp(timestampMs: number, upTo: number): Promise<TimestampedOffset | undefined> {
    this.#checkUsable();
    const bounds = { logStart: this.logStart, upTo: Math.min(upTo, this.#writer.written) };
    return this.#search.findFirst(timestampMs, bounds);
  }

  async findMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    this.#checkUsable();
    return this.#search.findLargest({ logStart: this.logStart, upTo: this.#writer.written });
  }

  endOffsetForEpoch(epoch: number): { leaderEpoch: number; endOffset: number } {
    return this.#epochs.endOf(epoch, this.#end);
  }

  epochAt(offset: number): number {
    return this.#epochs.find(offset);
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    this.#checkUsable();
    await this.#logStart.delete(offset, this.committed, this.#settings);
    return this.logStart;
  }

  async applyRetention(nowMs: number, acknowledged = 0): Promise<RetainedBefore> {
    this.#checkUsable();
    if (this.#head.isDue(this.#settings, nowMs)) await this.roll();
    const bounds = { logStart: this.logStart, committed: this.committed, nowMs, acknowledged };
    const plan = await this.#upkeep.planRetention(this.#settings, bounds);
    this.#checkUsable();
    const isAll = plan.segmentCount > 0 && plan.segmentCount === this.#segments.all.length;
    if (isAll) await this.roll();
    const before = { logStart: bounds.logStart, sizeBytes: this.sizeBytes };
    await this.#logStart.moveTo(plan.logStart, this.#settings);
    this.#producers.expire(nowMs);
    return before;
  }

  configure(settings: TopicSettings): void {
    this.#settings = settings;
    this.#writer.configure(settings);
    this.#tail.configure(settings["tail.cache.records"]);
    this.#progressed();
  }

  onAdvance(listener: Parameters<PartitionLog["onAdvance"]>[0]): () => void {
    return this.#progress.onAdvance(listener);
  }

  /** What `copyPartition` copies, up to an `end` that is committed. */
  copySource(end: number): CopySource {
    this.#checkUsable();
    const parts = { context: this.#context, folder: this.#folder, segments: this.#segments };
    return { ...parts, epochs: this.#epochs, logStart: this.logStart, end };
  }

  /** Index entries and epochs go to their files, so that recovery need not make them again. */
  async checkpoint(): Promise<void> {
    if (this.stopped !== undefined || this.#isClosed || this.rest.isAsLoaded) return;
    await this.rest.holds.during(() => this.#upkeep.checkpoint());
  }

  /** Flushes, writes snapshots and checkpoints, closes files. Later calls of append throw. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writer.settled();
    if (this.stopped === undefined) {
      this.#writer.requestFlush();
      await this.#writer.settled();
    }
    if (this.stopped === undefined) await this.#upkeep.close(this.#producers, this.#end);
    await this.#release();
  }

  /** Lets go of all files without keeping anything: the partition is about to be removed. */
  async abandon(): Promise<void> {
    this.#isClosed = true;
    await this.#writer.settled();
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#context.damages.unwatch(this.#folder.path);
    this.#tail.clear();
    this.#progress.release();
    await this.#upkeep.release();
  }

  #enqueue(batch: RecordBatch, nowMs: number): void {
    const { bytes, sizeBytes, baseOffset, lastOffset } = batch;
    const maxTimestampMs = Number(batch.maxTimestamp);
    const hadHead = this.#head.isThere;
    const incoming = { sizeBytes, baseOffset, lastOffset, maxTimestampMs };
    const isNew = this.#head.take(incoming, this.#settings, nowMs);
    const newSegment = isNew ? this.#newSegment(hadHead) : undefined;
    const aborted = this.#producers.apply(batch, nowMs);
    this.#writer.enqueue({ bytes, baseOffset, lastOffset, maxTimestampMs, aborted, newSegment });
  }

  #newSegment(hasOlder: boolean): { snapshot: Uint8Array | undefined } {
    return { snapshot: hasOlder ? this.#producers.snapshot() : undefined };
  }

  /** Closes the active segment behind all that is queued; the new one stays empty for now. */
  async roll(): Promise<void> {
    if (this.#head.isEmpty) return;
    const baseOffset = this.#end;
    const newSegment = this.#newSegment(true);
    this.#head.startEmpty(baseOffset, this.#context.clock.nowMs());
    const lastOffset = baseOffset - 1;
    const nothing = { bytes: undefined, baseOffset, lastOffset, maxTimestampMs: -1 };
    await new Promise<void>((onDone) => this.#writer.enqueue({ ...nothing, newSegment, onDone }));
    this.#checkUsable();
  }

  #progressed(): void {
    const isFsync = this.#settings.durability === "fsync";
    const held = isFsync ? this.#writer.flushed : this.#writer.written;
    const { written } = this.#writer;
    this.#producers.settle(written, held);
    if (this.#writer.pendingBytes < this.#pendingBytesMax) this.#progress.letWrite();
    if (!isFsync) this.#upkeep.flushWhenDue(this.#writer, this.#settings);
    this.#progress.noteStored(this.#writer);
    this.#progress.advance(held);
  }

  /** The disk was full: what was not written never happened. */
  #takeBack(error: XylemError): void {
    const { written } = this.#writer;
    this.#producers.takeBack();
    this.#epochs.cutEnd({ logStart: this.logStart, end: written });
    this.#end = written;
    this.#head.reset();
    this.#progress.takeBack(written, error);
  }

  #stop(error: XylemError): void {
    if (this.stopped !== undefined) return;
    const { topic, index: partition } = this;
    this.#context.log.error("a partition stopped", { topic, partition, why: error.message });
    this.#tail.clear();
    this.#progress.stop(error);
  }

  /** `log.damage.policy`. */
  #heedDamage(path: string): void {
    if (this.#context.settings["log.damage.policy"] === "serve") return;
    this.#stop(new XylemError("KAFKA_STORAGE_ERROR", `${path} is damaged`));
  }

  get #pendingBytesMax(): number {
    return this.#context.settings["log.append.pending.max.bytes"];
  }

  #checkUsable(): void {
    if (this.stopped !== undefined) throw this.stopped;
    if (this.#isClosed) throw closedError();
  }
}
