import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { EpochEnd, LeaderEpochs } from "../../../log/leader-epochs.ts";
import { buildMarker } from "../../../protocol/build-batch.ts";
import { RecordBatch } from "../../../protocol/record-batch.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import type { Appended, AppendOptions, PartitionLog, TransactionEnd } from "../partition-log.ts";
import { describeDuplicate, type ProducerJournal } from "../producers/producer-journal.ts";
import { checkExpectedEnd } from "../refusals.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import { AppendHead } from "./append-head.ts";
import { findMirrored } from "./find-mirrored.ts";
import type { PartitionWriter } from "./partition-writer.ts";
import { validateBatch } from "./validate-batch.ts";

export interface AppendParts {
  readonly context: PartitionContext;
  readonly folder: PartitionFolder;
  readonly segments: SegmentList;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerJournal;
  readonly writer: PartitionWriter;
}

/** A batch that has its offsets, as it will lie in the log. */
export interface AssignedBatch {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly maxTimestampMs: number;
  /** -1: it has none. */
  readonly leaderEpoch: number;
  /** For the states of producers; undefined: of an old format, which says nothing of them. */
  readonly batch: RecordBatch | undefined;
}

/** Which batches a partition takes, and what offsets and epochs they get. */
export class PartitionAppends {
  readonly #parts: AppendParts;
  readonly #head: AppendHead;
  #settings: TopicSettings;
  #end: number;
  /** Of a chain; undefined: the log alone says. */
  #epoch: number | undefined;
  /** Told of batches once they are queued. */
  onAppended: ((base: number, end: number) => void) | undefined;

  constructor(parts: AppendParts, start: { end: number; settings: TopicSettings }) {
    this.#parts = parts;
    this.#head = new AppendHead(parts.segments);
    this.#settings = start.settings;
    this.#end = start.end;
  }

  /** The next offset to be appended. */
  get end(): number {
    return this.#end;
  }

  get leaderEpoch(): number {
    return this.#epoch ?? Math.max(0, this.#parts.epochs.latest);
  }

  /** Batches are stamped with it from here on. */
  set leaderEpoch(epoch: number) {
    this.#epoch = epoch;
  }

  /** As PartitionLog.endOffsetForEpoch; a chain's epoch ends with the log, records or none. */
  endOfEpoch(epoch: number): EpochEnd {
    const { epochs } = this.#parts;
    const isEmpty = epoch === this.#epoch && epoch > epochs.latest;
    return isEmpty ? { leaderEpoch: epoch, endOffset: this.#end } : epochs.endOf(epoch, this.#end);
  }

  configure(settings: TopicSettings): void {
    this.#settings = settings;
  }

  /** As PartitionLog. */
  append(log: PartitionLog, bytes: Uint8Array, options: AppendOptions): Appended {
    const { context, producers } = this.#parts;
    const nowMs = context.clock.nowMs();
    const settings = this.#settings;
    if (options.origin === "mirror") {
      checkExpectedEnd(log, options);
      return this.#takeMirrored(bytes, nowMs);
    }
    const batch = validateBatch(bytes, { ...options, settings, nowMs }, context);
    const stored = producers.check(batch, options);
    if (stored !== undefined) return describeDuplicate(stored, batch);
    checkExpectedEnd(log, options);
    context.room.take(batch.sizeBytes, options.origin);
    return this.#store(batch, nowMs);
  }

  /** As PartitionLog. */
  endTransaction(end: TransactionEnd): Appended {
    const { context, producers } = this.#parts;
    producers.checkMarker(end);
    const timestampMs = context.clock.nowMs();
    const marker = buildMarker({ ...end, timestampMs }, context);
    context.room.take(marker.length, "coordinator");
    return this.#store(new RecordBatch(marker), timestampMs);
  }

  /** Gives a batch its offsets and queues it. */
  #store(batch: RecordBatch, nowMs: number): Appended {
    const baseOffset = this.#end;
    batch.assignOffset(baseOffset, this.leaderEpoch);
    const { lastOffset, bytes, sizeBytes, partitionLeaderEpoch: leaderEpoch } = batch;
    const maxTimestampMs = Number(batch.maxTimestamp);
    this.#take(
      { bytes, sizeBytes, baseOffset, lastOffset, maxTimestampMs, leaderEpoch, batch },
      nowMs,
    );
    this.onAppended?.(baseOffset, lastOffset + 1);
    const logAppendTimeMs = batch.timestampType === "LogAppendTime" ? nowMs : -1;
    return { baseOffset, lastOffset, logAppendTimeMs, isDuplicate: false };
  }

  #takeMirrored(bytes: Uint8Array, nowMs: number): Appended {
    const { context, segments } = this.#parts;
    const settings = this.#settings;
    const from = this.#end;
    const rules = { from, hasGaps: !segments.isDense, leaderEpoch: this.leaderEpoch, settings };
    const batches = findMirrored(bytes, rules, context.crc32c);
    context.room.take(bytes.length, "client");
    this.takeAll(batches, { next: from, nowMs });
    this.onAppended?.(from, this.#end);
    const lastOffset = this.#end - 1;
    return { baseOffset: from, lastOffset, logAppendTimeMs: -1, isDuplicate: false };
  }

  /**
   * Queues batches behind all others, at their own offsets; room was taken for them. The log goes
   * on at `next`, if that is behind them.
   *
   * No sum covers the offset of a batch: behind a gap only what comes next says that it is right, a
   * batch of the same write, or the name of a segment.
   */
  takeAll(
    batches: readonly AssignedBatch[],
    { next, nowMs }: { readonly next: number; readonly nowMs: number },
  ): void {
    let behindGap: AssignedBatch | undefined;
    for (const batch of batches) {
      // It could not go to the same write.
      const isOther = behindGap !== undefined && behindGap.leaderEpoch !== batch.leaderEpoch;
      if (isOther) this.#skipTo(batch.baseOffset);
      if (batch.baseOffset > this.#end) this.#leaveGap(batch, nowMs);
      behindGap = batch.baseOffset > this.#end ? batch : undefined;
      this.#take(batch, nowMs);
    }
    const end = Math.max(next, this.#end);
    if (behindGap !== undefined || end > this.#end) this.#skipTo(end);
  }

  #leaveGap(batch: AssignedBatch, nowMs: number): void {
    this.#parts.segments.allowGaps();
    // A first segment begins where the log does.
    if (!this.#head.isThere) this.#startSegment(this.#end);
    if (this.#head.isRollDue(batch, this.#settings, nowMs)) this.#skipTo(batch.baseOffset);
  }

  #take(assigned: AssignedBatch, nowMs: number): void {
    const { epochs, folder, producers, writer } = this.#parts;
    const { bytes, baseOffset, lastOffset, maxTimestampMs, leaderEpoch, batch } = assigned;
    const hadHead = this.#head.isThere;
    const isNew = this.#head.take(assigned, this.#settings, nowMs);
    const newSegment = isNew ? this.#newSegment(hadHead) : undefined;
    const aborted = batch === undefined ? undefined : producers.apply(batch, nowMs);
    const isEpochNew = epochs.assign(leaderEpoch, baseOffset);
    if (isEpochNew) folder.areEpochsDirty = true;
    // A log of one node has one epoch, which recovery expects; any other is to be written down.
    const newEpochs = isEpochNew && this.#epoch !== undefined ? epochs : undefined;
    writer.enqueue({
      bytes,
      baseOffset,
      lastOffset,
      maxTimestampMs,
      aborted,
      newSegment,
      newEpochs,
      isBehindGap: baseOffset > this.#end,
    });
    this.#end = lastOffset + 1;
  }

  #newSegment(hasOlder: boolean): { snapshot: Uint8Array | undefined } {
    return { snapshot: hasOlder ? this.#parts.producers.snapshot() : undefined };
  }

  /** Closes the active segment behind all that is queued; the new one stays empty for now. */
  async roll(): Promise<void> {
    if (this.#head.isEmpty) return;
    await new Promise<void>((onDone) => this.#startSegment(this.#end, onDone));
  }

  /** The offsets below `next` are in no batch: the log goes on there, in a segment of its own. */
  #skipTo(next: number): void {
    if (next > this.#end) this.#parts.segments.allowGaps();
    this.#startSegment(next);
    this.#end = next;
  }

  #startSegment(baseOffset: number, onDone?: () => void): void {
    const newSegment = this.#newSegment(this.#head.isThere);
    this.#head.startEmpty(baseOffset, this.#parts.context.clock.nowMs());
    const lastOffset = baseOffset - 1;
    const nothing = { bytes: undefined, baseOffset, lastOffset, maxTimestampMs: -1, newSegment };
    this.#parts.writer.enqueue(onDone === undefined ? nothing : { ...nothing, onDone });
  }

  /** Whether the active segment is old enough to be closed though nothing comes. */
  isRollDue(nowMs: number): boolean {
    return this.#head.isDue(this.#settings, nowMs);
  }

  /** The disk was full: what was not written never happened. */
  takeBack(logStart: number): void {
    const { epochs, producers, writer } = this.#parts;
    producers.takeBack();
    epochs.cutEnd({ logStart, end: writer.written });
    this.restart(writer.written);
  }

  /** The log ends there, as its files say. */
  restart(end: number): void {
    this.#end = end;
    this.#head.reset();
  }
}
