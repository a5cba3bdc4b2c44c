import { assert } from "../../../base/assert.ts";
import { XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { LastOfProducer } from "../../../log/compaction/compact-batch.ts";
import {
  type Dirtiness,
  type DirtySegment,
  measureDirtiness,
} from "../../../log/compaction/compaction-choice.ts";
import { groupSegments } from "../../../log/compaction/group-segments.ts";
import type { Producer } from "../../../log/producer-states.ts";
import { formatSegmentName } from "../../../log/segment-name.ts";
import type { AbortedTransaction } from "../../../log/transaction-index.ts";
import {
  Cancellation,
  type CompactionPass,
  type CompactionTask,
  type RewrittenSegment,
} from "../../ports/compactor.ts";
import { acrossReplacement } from "../read/across-replacement.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import { segmentBytesMax } from "../append/validate-batch.ts";
import { discardCleaned, replaceSegments } from "./replace-segments.ts";

/** The partition, as its compaction sees it. */
export interface CompactedPartition {
  readonly topic: string;
  readonly index: number;
  readonly settings: TopicSettings;
  readonly logStart: number;
  readonly lastStable: number;
  producers(): Iterable<Producer>;
  abortedTransactions(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]>;
}

export interface CompactionParts {
  readonly context: PartitionContext;
  readonly folder: PartitionFolder;
  readonly segments: SegmentList;
  /** What lies below `endOffset` may read otherwise than before. */
  readonly onReplaced: (endOffset: number) => void;
  readonly onStopped: (error: XylemError) => void;
}

/** What a pass did. */
export interface PassReport {
  /** All below it was compacted. */
  readonly endOffset: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

interface Run {
  readonly cancellation: Cancellation;
  /** What the compactor reads at the moment. */
  reading: readonly Segment[];
  call: Promise<unknown> | undefined;
  done: Promise<unknown>;
}

/** Compacts one partition: one pass at a time, which gives way to whatever removes its files. */
export class PartitionCompaction {
  readonly #partition: CompactedPartition;
  readonly #parts: CompactionParts;
  #run: Run | undefined;
  #isStopped = false;
  #isHeld = false;

  constructor(partition: CompactedPartition, parts: CompactionParts) {
    this.#partition = partition;
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** The topic is to be compacted, or once was: from now on offsets may be in no batch. */
  allowGaps(): void {
    this.#parts.segments.allowGaps();
  }

  /** Grows when stored batches give way to others: what was read before may not fit any more. */
  get replacementCount(): number {
    return this.#parts.segments.replacementCount;
  }

  /** Whether a pass is due, and over what. */
  async measure(): Promise<Dirtiness> {
    const { logStart, lastStable } = this.#partition;
    const { context, folder } = this.#parts;
    const settings = this.#partition.settings;
    const rules = {
      lagMsMin: settings["min.compaction.lag.ms"],
      lagMsMax: settings["max.compaction.lag.ms"],
      dirtyRatioMin: settings["min.cleanable.dirty.ratio"],
    };
    const segments = await acrossReplacement(() => this.#describeClosed(rules));
    const cleanedUpTo = context.cleanedOffsets.find(folder.path);
    const bounds = { cleanedUpTo, logStart, lastStable, nowMs: context.clock.nowMs() };
    return measureDirtiness(segments, rules, bounds);
  }

  /**
   * One pass, if there is something to compact; undefined: there is not, or the pass gave way.
   * Rejects with CORRUPT_MESSAGE where stored bytes are damaged, DISK_FULL, KAFKA_STORAGE_ERROR;
   * the log is then as it was, or in part compacted.
   */
  async run(): Promise<PassReport | undefined> {
    if (this.#isStopped || this.#isHeld || this.#run !== undefined) return undefined;
    const run: Run = {
      cancellation: new Cancellation(),
      reading: [],
      call: undefined,
      done: Promise.resolve(),
    };
    this.#run = run;
    const done = this.#pass(run);
    run.done = done.catch(() => undefined);
    try {
      return await done;
    } catch (error) {
      if (run.cancellation.isWished) return undefined;
      throw error;
    } finally {
      this.#run = undefined;
    }
  }

  /** These segments are about to go: ends a pass that reads one of them, and its reading. */
  async letGo(segments: readonly Segment[]): Promise<void> {
    const run = this.#run;
    if (run === undefined || !run.reading.some((one) => segments.includes(one))) return;
    run.cancellation.wish();
    await run.call?.catch(() => undefined);
  }

  /** Ends a pass under way; none begins any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#end();
  }

  /** Runs `work` while no pass does: one under way may have seen records that are about to go. */
  async holdDuring<T>(work: () => Promise<T>): Promise<T> {
    this.#isHeld = true;
    try {
      await this.#end();
      return await work();
    } finally {
      this.#isHeld = false;
    }
  }

  async #end(): Promise<void> {
    this.#run?.cancellation.wish();
    await this.#run?.done;
  }

  async #pass(run: Run): Promise<PassReport | undefined> {
    const { context, folder, segments } = this.#parts;
    const { dirtyFrom, upTo } = await this.measure();
    if (upTo <= dirtyFrom || run.cancellation.isWished) return undefined;
    const closed = segments.all.filter(({ endOffset }) => endOffset <= upTo);
    if (closed.some(({ damages }) => damages.length > 0)) {
      throw new XylemError("CORRUPT_MESSAGE", `${folder.path} is damaged below offset ${upTo}`);
    }
    const task = await this.#task(closed, dirtyFrom, upTo);
    this.#giveWay(run, closed);
    const dirty = closed.filter(({ endOffset }) => endOffset > dirtyFrom);
    const begun = context.compactor.begin(task, run.cancellation);
    const pass = await this.#reading(run, dirty, begun);
    try {
      return await this.#rewriteAll(run, closed, pass);
    } finally {
      await pass.end();
    }
  }

  async #rewriteAll(
    run: Run,
    closed: readonly Segment[],
    pass: CompactionPass,
  ): Promise<PassReport> {
    const { context, folder, segments } = this.#parts;
    let { bytesRead } = pass;
    let bytesWritten = 0;
    const mapped = closed.filter(({ baseOffset }) => baseOffset < pass.endOffset);
    for (const group of await this.#group(mapped)) {
      // Retention may have taken the oldest away meanwhile.
      const sources = group.filter((segment) => segments.holds([segment]));
      if (sources.length === 0) continue;
      const rewritten = await this.#rewrite(run, sources, pass);
      bytesRead += rewritten.bytesRead;
      bytesWritten += rewritten.sizeBytes;
    }
    await context.cleanedOffsets.store(folder.path, pass.endOffset);
    return { endOffset: pass.endOffset, bytesRead, bytesWritten };
  }

  async #rewrite(
    run: Run,
    sources: readonly Segment[],
    pass: CompactionPass,
  ): Promise<RewrittenSegment> {
    const first = sources[0] as Segment;
    const last = sources.at(-1) as Segment;
    const range = { from: first.baseOffset, to: last.endOffset };
    const aborted = await this.#partition.abortedTransactions(range.from, range.to);
    this.#giveWay(run, sources);
    const producers = this.#lastOfProducers(range);
    const order = { sources: sources.map(describeSource), producers, aborted };
    const progress = { hasBegun: false };
    try {
      const rewritten = await this.#reading(run, sources, pass.rewrite(order));
      const replace = async (): Promise<void> => {
        this.#giveWay(run, sources);
        await this.#replace(sources, rewritten, progress);
      };
      const { turns } = this.#parts.segments;
      await turns.take("swap", () => turns.take("change", replace));
      return rewritten;
    } catch (error) {
      // Once the old files have other names, the new ones are all there is.
      if (!progress.hasBegun) await this.#discard(first.baseOffset);
      throw error;
    }
  }

  /** Ends the pass when the sources went while it read none of them: `letGo` let it be. */
  #giveWay(run: Run, sources: readonly Segment[]): void {
    if (!this.#parts.segments.holds(sources)) run.cancellation.wish();
    if (run.cancellation.isWished) throw new Error("compaction gives way");
  }

  async #replace(
    sources: readonly Segment[],
    rewritten: RewrittenSegment,
    progress: { hasBegun: boolean },
  ): Promise<void> {
    const { context, folder, segments, onReplaced, onStopped } = this.#parts;
    const first = sources[0] as Segment;
    const { endOffset, modifiedMs } = sources.at(-1) as Segment;
    const segment = new Segment(context, folder.path, {
      baseOffset: first.baseOffset,
      endOffset,
      sizeBytes: rewritten.sizeBytes,
      firstTimestampMs: rewritten.firstTimestampMs,
      createdMs: first.createdMs,
      modifiedMs,
      transactionFile: rewritten.hasAborted ? "there" : "none",
    });
    const deleteDelayMs = this.#partition.settings["file.delete.delay.ms"];
    const place = { context, folder: folder.path, segments, sources, segment, deleteDelayMs };
    segments.allowGaps();
    try {
      await replaceSegments(place, progress);
    } catch (error) {
      if (progress.hasBegun) onStopped(asStorageError(error));
      throw error;
    }
    onReplaced(endOffset);
  }

  /** Left over files of a pass that failed must not be taken for those of a complete one. */
  async #discard(baseOffset: number): Promise<void> {
    const { context, folder, onStopped } = this.#parts;
    try {
      await discardCleaned(context, folder.path, baseOffset);
    } catch (error) {
      onStopped(asStorageError(error));
    }
  }

  /** `letGo` may end the call and wait for it. */
  async #reading<T>(run: Run, segments: readonly Segment[], call: Promise<T>): Promise<T> {
    run.reading = segments;
    run.call = call;
    try {
      return await call;
    } finally {
      run.reading = [];
      run.call = undefined;
    }
  }

  /** The closed segments whose indexes are whole. */
  async #describeClosed(rules: { lagMsMin: number; lagMsMax: number }): Promise<DirtySegment[]> {
    const { segments } = this.#parts;
    const found: DirtySegment[] = [];
    for (const segment of segments.all) {
      if (segment === segments.last || !segment.isSealed) break;
      const { baseOffset, endOffset, sizeBytes } = segment;
      const largestTimestampMs = rules.lagMsMin > 0 ? await segment.largestTimestampMs() : -1;
      const isTimed = rules.lagMsMax < Number.MAX_SAFE_INTEGER;
      const firstTimestampMs = isTimed ? await segment.readFirstTimestamp() : -1;
      found.push({ baseOffset, endOffset, sizeBytes, largestTimestampMs, firstTimestampMs });
    }
    return found;
  }

  async #task(
    closed: readonly Segment[],
    dirtyFrom: number,
    upTo: number,
  ): Promise<CompactionTask> {
    const { context, folder } = this.#parts;
    const { settings, random, clock } = context;
    const topic = this.#partition.settings;
    const word = (): number => random.nextUint32();
    return {
      folder: folder.path,
      segments: closed.map(describeSource),
      dirtyFrom,
      upTo,
      aborted: await this.#partition.abortedTransactions(dirtyFrom, upTo),
      nowMs: clock.nowMs(),
      deleteRetentionMs: topic["delete.retention.ms"],
      indexIntervalBytes: topic["index.interval.bytes"],
      seed: [word(), word(), word(), word()],
      limits: {
        tableBytesMax: settings["log.cleaner.dedupe.buffer.size"],
        tableLoadFactor: settings["log.cleaner.io.buffer.load.factor"],
        bufferBytes: settings["log.cleaner.io.buffer.size"],
        bytesPerSecond: settings["log.cleaner.io.max.bytes.per.second"],
      },
    };
  }

  async #group(closed: readonly Segment[]): Promise<Segment[][]> {
    const { context, folder } = this.#parts;
    const settings = this.#partition.settings;
    const entries = await context.disk.list(folder.path);
    const sizes = new Map(entries.map(({ name, sizeBytes }) => [name, sizeBytes]));
    const described = closed.map((segment) => ({
      segment,
      baseOffset: segment.baseOffset,
      endOffset: segment.endOffset,
      sizeBytes: segment.sizeBytes,
      indexBytes: sizes.get(formatSegmentName(segment.baseOffset, ".index")) ?? 0,
      timeIndexBytes: sizes.get(formatSegmentName(segment.baseOffset, ".timeindex")) ?? 0,
    }));
    const indexBytesMax = settings["segment.index.bytes"];
    const bounds = { sizeBytesMax: segmentBytesMax(settings), indexBytesMax };
    return groupSegments(described, bounds).map((group) => group.map(({ segment }) => segment));
  }

  #lastOfProducers({ from, to }: { from: number; to: number }): LastOfProducer[] {
    const found: LastOfProducer[] = [];
    for (const { producerId, epoch, batches } of this.#partition.producers()) {
      const lastDataOffset = batches.at(-1)?.lastOffset ?? -1;
      if (lastDataOffset >= 0 && (lastDataOffset < from || lastDataOffset >= to)) continue;
      found.push({ producerId, producerEpoch: epoch, lastDataOffset });
    }
    return found;
  }
}

function describeSource({ baseOffset, endOffset }: Segment): {
  baseOffset: number;
  endOffset: number;
} {
  return { baseOffset, endOffset };
}

function asStorageError(error: unknown): XylemError {
  assert(error instanceof Error, "errors are thrown");
  if (error instanceof XylemError && error.code === "KAFKA_STORAGE_ERROR") return error;
  const detail = `the partition stopped while segments were replaced: ${error.message}`;
  return new XylemError("KAFKA_STORAGE_ERROR", detail, { cause: error });
}
