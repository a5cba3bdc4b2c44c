import { assert } from "../../../base/assert.ts";
import { XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { SegmentIndexes } from "../../../log/segment-indexes.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { after } from "../after.ts";
import { AppendQueue, type NewSegment, type PendingBatch } from "./append-queue.ts";
import type { Flushable } from "./flush-scheduler.ts";
import { FlushedMark } from "./flushed-mark.ts";
import { makeNextSegment, makeSegment, sealClosed, type SegmentPlace } from "./next-segment.ts";
import type { LogFile } from "../segment/log-file.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import type { ReadOptions, ReadResult } from "../partition-log.ts";
import type { PartitionTail } from "../read/partition-tail.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import { stoppedBy, type WriterListener } from "./writer-listener.ts";

export interface WriterParts {
  readonly segments: SegmentList;
  readonly folder: PartitionFolder;
  /** Takes what is written. */
  readonly tail: PartitionTail;
  readonly listener: WriterListener;
}

/** While a flush is under way, less than this waits for its end: one write serves many batches. */
const eagerBytes = 256 * 1024;
/** The most that one write takes, so that one is never long under way. */
const writeBytesMax = 8 * 1024 * 1024;

/**
 * Brings batches to the files in order: at most one write and one flush under way, and all that
 * comes meanwhile rides with the next (storage.md, promise 2).
 */
export class PartitionWriter implements Flushable {
  readonly #context: PartitionContext;
  readonly #segments: SegmentList;
  readonly #folder: PartitionFolder;
  readonly #place: SegmentPlace;
  readonly #tail: PartitionTail;
  readonly #listener: WriterListener;
  #settings: TopicSettings;
  readonly #queue = new AppendQueue();
  readonly #flushedMark: FlushedMark;
  #isWriting = false;
  #isFlushing = false;
  #isFlushWanted = false;
  /** A flush was asked for and has not begun. */
  #isFlushDue = false;
  #isDrainDue = false;
  #isStopped = false;
  #unflushedBytes = 0;
  /** The segment before the active one is being closed; at most one at a time. */
  #sealing: Promise<void> | undefined;
  /** Files with bytes that no flush has covered, oldest first. */
  #dirty = new Set<LogFile>();
  #idle: (() => void)[] = [];
  readonly #wishFlush = (): void => this.requestFlush();
  written: number;
  flushed: number;

  constructor(
    context: PartitionContext,
    parts: WriterParts,
    start: { end: number; settings: TopicSettings },
  ) {
    this.#context = context;
    this.#segments = parts.segments;
    this.#folder = parts.folder;
    this.#place = { context, folder: parts.folder };
    this.#tail = parts.tail;
    this.#listener = parts.listener;
    this.#settings = start.settings;
    this.written = start.end;
    this.flushed = start.end;
    this.#flushedMark = new FlushedMark({ context, ...parts }, start.end);
  }

  /** Bytes that are not written yet. */
  get pendingBytes(): number {
    return this.#queue.sizeBytes;
  }

  /** Something is queued, being written, flushed, sealed or noted. */
  get isBusy(): boolean {
    if (this.#queue.length > 0 || this.#isFlushDue || this.#flushedMark.isNoting) return true;
    return this.#isWriting || this.#isFlushing || this.#sealing !== undefined;
  }

  configure(settings: TopicSettings): void {
    this.#flushedMark.noteSettings(this.#settings, this.written);
    this.#settings = settings;
    if (settings.durability === "fsync") this.requestFlush();
  }

  enqueue(batch: PendingBatch): void {
    assert(!this.#isStopped, "a stopped partition takes no batches");
    this.#queue.push(batch);
    this.#context.backlog.change(batch.bytes?.length ?? 0);
    this.#drainSoon();
  }

  /** What lies below `offset` is acknowledged once it is written. */
  vouchFor(offset: number): void {
    this.#flushedMark.vouchFor(offset);
  }

  /** Asks for a flush of all that is written; harmless when there is nothing. */
  requestFlush(): void {
    if (this.#isStopped || this.flushed === this.written) return;
    if (this.#isFlushing) {
      this.#isFlushWanted = true;
      return;
    }
    this.#isFlushDue = true;
    this.#context.flushes.request(this);
  }

  /** Batches that are not written yet, as PartitionLog.read. */
  readQueued(offset: number, options: ReadOptions): ReadResult {
    return this.#queue.read(offset, options);
  }

  /** Resolves once all that was enqueued is on the disk, or the partition has stopped. */
  async flushAll(): Promise<void> {
    await this.settled();
    this.requestFlush();
    await this.settled();
  }

  /** The files end there now, and all of them is on the disk. */
  rewind(end: number): void {
    assert(!this.isBusy, "a log is cut while nothing is written to it");
    this.written = end;
    this.flushed = end;
    this.#flushedMark.rewind(end);
    this.#dirty.clear();
    this.#unflushedBytes = 0;
  }

  /** Resolves when nothing is queued or under way; after a stop too. */
  async settled(): Promise<void> {
    while (this.isBusy) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** Called by the scheduler, at most once at a time. */
  async flush(): Promise<void> {
    this.#isFlushDue = false;
    if (this.#isFlushing) this.#isFlushWanted = true;
    if (this.#isStopped || this.#isFlushing || this.flushed === this.written) {
      return this.#tellIdle();
    }
    const target = this.written;
    const place = this.#flushedMark.placeAt(target);
    const files = [...this.#dirty];
    this.#dirty.clear();
    this.#unflushedBytes = 0;
    this.#isFlushWanted = false;
    if (!(await this.#sync(files))) return this.#tellIdle();
    for (const file of files) if (!this.#dirty.has(file)) file.noteFlushed();
    this.flushed = target;
    this.#flushedMark.moveTo(place);
    this.#listener.onProgress();
    if (this.#isFlushWanted) this.requestFlush();
    this.#drain();
    this.#tellIdle();
  }

  /**
   * False: the partition has stopped; it does where this fails, whatever the reason. One at a time:
   * a disk tells of a failure once.
   */
  async #sync(files: readonly LogFile[]): Promise<boolean> {
    this.#isFlushing = true;
    try {
      // What retention has removed needs no flush any more.
      const there = files.filter((file) => !file.isRetired);
      const syncs = there.map((file) => file.use((open) => open.sync()));
      await Promise.all([...syncs, this.#folder.sync()]);
    } catch (error) {
      this.#stop(error);
    }
    this.#isFlushing = false;
    return !this.#isStopped;
  }

  /** All appends of one turn of the loop ride in one write. */
  #drainSoon(): void {
    if (this.#isDrainDue || this.#isWriting) return;
    this.#isDrainDue = true;
    void Promise.resolve().then(() => {
      this.#isDrainDue = false;
      this.#drain();
    });
  }

  #drain(): void {
    while (!this.#isWriting && !this.#isStopped && this.#queue.length > 0) {
      if (this.#mustWait()) return;
      this.#isWriting = true;
      let step: void | Promise<void>;
      try {
        step = this.#writeNext();
      } catch (error) {
        this.#failed(error);
        return;
      }
      if (step instanceof Promise) {
        step.then(
          () => this.#wrote(),
          (error: unknown) => this.#failed(error),
        );
        return;
      }
      this.#isWriting = false;
    }
    this.#tellIdle();
  }

  /**
   * A flush under way that the waiting batches need anyway, or too much in flight for one. Nothing
   * goes to a new segment before the old one is flushed: a power cut tears the last segment only.
   */
  #mustWait(): boolean {
    if (this.#settings.durability !== "fsync") return false;
    if (this.#queue.first?.newSegment !== undefined && this.flushed < this.written) return true;
    if (this.#unflushedBytes >= this.#context.settings["log.flush.window.bytes"]) return true;
    return this.#isFlushing && this.pendingBytes < eagerBytes;
  }

  #wrote(): void {
    this.#isWriting = false;
    this.#drain();
    this.#tellIdle();
  }

  #writeNext(): void | Promise<void> {
    const first = this.#queue.first as PendingBatch;
    if (first.newSegment === undefined && first.newEpochs === undefined) return this.#writeRun();
    return this.#prepare(first).then(() => this.#writeRun());
  }

  async #prepare({ baseOffset, newSegment, newEpochs }: PendingBatch): Promise<void> {
    if (newSegment !== undefined) await this.#roll(baseOffset, newSegment);
    if (newEpochs !== undefined) await this.#folder.writeEpochs(newEpochs);
  }

  /** Writes the queued batches that go to the active segment. */
  #writeRun(): void | Promise<void> {
    const run = this.#takeRun();
    const chunks: Uint8Array[] = [];
    for (const batch of run) if (batch.bytes !== undefined) chunks.push(batch.bytes);
    const segment = this.#segments.active;
    if (chunks.length === 0) return this.#noteWritten(run, segment);
    const next = run.at(-1)?.isBehindGap === true ? this.#queue.at(run.length) : undefined;
    if (next !== undefined) return this.#writeNamed(run, chunks, next);
    return after(
      segment.log.use((file: DiskFile) => file.append(chunks)),
      () => this.#noteWritten(run, segment),
    );
  }

  /**
   * The last batch of these lies behind a gap, and only the name of the next segment says that it
   * is where it should be: they count once that is there.
   */
  async #writeNamed(
    run: PendingBatch[],
    chunks: Uint8Array[],
    { baseOffset, newSegment }: PendingBatch,
  ): Promise<void> {
    const { active } = this.#segments;
    assert(newSegment !== undefined, "behind a gap comes the same write, or a segment");
    await this.#sealing;
    const isFsync = this.#settings.durability === "fsync";
    const made = await active.log.use(async (file: DiskFile) => {
      await file.append(chunks);
      if (isFsync) await this.#syncActive();
      return await makeNextSegment(this.#place, baseOffset, { active, file, isFsync });
    });
    this.#noteWritten(run, active);
    if (this.#isStopped) return made.retire();
    this.#queue.noteBegun();
    this.#begin(made, newSegment);
  }

  /** A power cut tears the last segment only: the others, and their names, are on the disk. */
  async #syncActive(): Promise<void> {
    while (this.#isFlushing) await new Promise<void>((resolve) => this.#idle.push(resolve));
    const files = new Set(this.#dirty).add(this.#segments.active.log);
    if (this.#isStopped || !(await this.#sync([...files]))) throw stoppedBy("a flush failed");
    if (this.#isFlushWanted) this.requestFlush();
  }

  /** The batches stay in the queue until they are written. */
  #takeRun(): PendingBatch[] {
    const windowBytes = this.#context.settings["log.flush.window.bytes"] - this.#unflushedBytes;
    const isFsync = this.#settings.durability === "fsync";
    const sizeBytesMax = isFsync ? Math.min(writeBytesMax, windowBytes) : writeBytesMax;
    return this.#queue.run(sizeBytesMax);
  }

  #noteWritten(run: PendingBatch[], segment: Segment): void {
    // A flush failed meanwhile: all that was queued is dropped, this too.
    if (this.#isStopped) return;
    const intervalBytes = this.#settings["index.interval.bytes"];
    const queuedBytes = this.pendingBytes;
    this.#queue.remove(run);
    for (const batch of run) {
      batch.onDone?.();
      // Compaction at the predecessor left out what lies between.
      if (batch.baseOffset > this.written) this.#tail.clear();
      this.written = batch.lastOffset + 1;
      if (batch.bytes === undefined) continue;
      const sizeBytes = batch.bytes.length;
      const position = segment.sizeBytes;
      if (position === 0) segment.firstTimestampMs = batch.maxTimestampMs;
      const { lastOffset, maxTimestampMs } = batch;
      segment.indexes.add({ position, sizeBytes, lastOffset, maxTimestampMs }, intervalBytes);
      if (batch.aborted !== undefined) segment.indexes.transactions.append(batch.aborted);
      this.#segments.grow(segment, sizeBytes, lastOffset + 1);
      this.#tail.add(batch.bytes, batch, position === 0);
      this.#unflushedBytes += sizeBytes;
    }
    this.#context.room.settle(queuedBytes - this.pendingBytes);
    this.#context.backlog.change(this.pendingBytes - queuedBytes);
    segment.modifiedMs = this.#context.clock.nowMs();
    if (segment.sizeBytes > 0) this.#markDirty(segment.log);
    if (this.#settings.durability === "fsync") this.requestFlush();
    this.#listener.onProgress();
  }

  #markDirty(file: LogFile): void {
    file.noteWritten(this.#wishFlush);
    this.#dirty.add(file);
  }

  /** Closes the active segment and makes the one that begins at `baseOffset`. */
  async #roll(baseOffset: number, parts: NewSegment): Promise<void> {
    await this.#sealing;
    this.#begin(await makeSegment(this.#place, baseOffset), parts);
  }

  /** Appends go to this segment from here on. */
  #begin(segment: Segment, { snapshot }: NewSegment): void {
    const { baseOffset } = segment;
    segment.activate(new SegmentIndexes(baseOffset));
    const closed = this.#segments.last;
    this.#segments.add(segment);
    if (closed === undefined) return;
    const sealing = sealClosed(this.#place, closed, { baseOffset, snapshot });
    this.#sealing = sealing.finally(() => {
      this.#sealing = undefined;
      this.#context.checkpointSoon(this.#folder.path);
      this.#tellIdle();
    });
    this.requestFlush();
  }

  #failed(error: unknown): void {
    this.#isWriting = false;
    const isFull = error instanceof XylemError && error.code === "DISK_FULL";
    // After a flush that failed there is nothing to go on with once there is room.
    if (this.#isStopped || !isFull) return this.#stop(error);
    this.#context.openFiles.closeAllIdle();
    this.#context.room.noteRefused(error, this.#queue.length);
    this.#dropQueue();
    this.#listener.onRefused(error);
    this.#tellIdle();
  }

  #stop(error: unknown): void {
    if (this.#isStopped) return this.#tellIdle();
    this.#isStopped = true;
    this.#dropQueue();
    this.#listener.onStopped(stoppedBy(error));
    // What a flush under way covers is vouched for no more.
    this.#flushedMark.note(this.#settings, () => this.#tellIdle());
    this.#tellIdle();
  }

  #dropQueue(): void {
    const droppedBytes = this.pendingBytes;
    const dropped = this.#queue.clear();
    this.#context.room.settle(droppedBytes);
    this.#context.backlog.change(-droppedBytes);
    for (const batch of dropped) batch.onDone?.();
  }

  #tellIdle(): void {
    if (this.#idle.length === 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
