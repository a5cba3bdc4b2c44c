import { assert } from "../../base/assert.ts";
import { OffsetIndex, offsetEntryBytes } from "../../log/offset-index.ts";
import { SegmentIndexes } from "../../log/segment-indexes.ts";
import { formatSegmentName, type SegmentSuffix } from "../../log/segment-name.ts";
import type { SegmentHead } from "../../log/segment-roll.ts";
import { TimeIndex, timeEntryBytes } from "../../log/time-index.ts";
import { after } from "./after.ts";
import { LogFile } from "./log-file.ts";
import type { PartitionContext } from "./partition-context.ts";
import { scanSegment } from "./scan-segment.ts";

/** Bytes of a segment that are no good batches, and the offsets that are lost with them. */
export interface Damage {
  readonly position: number;
  readonly endPosition: number;
  readonly firstOffset: number;
  /** The offset that the next good batch begins with. */
  readonly endOffset: number;
}

/** What a loaded segment is known by. */
export interface SegmentFacts {
  readonly baseOffset: number;
  /** Base of the next segment; of the last one the log end. */
  endOffset: number;
  /** Log bytes, as far as written. */
  sizeBytes: number;
  /** The largest timestamp of the first batch; -1 none. */
  firstTimestampMs: number;
  createdMs: number;
  modifiedMs: number;
}

/** One segment of a partition: its files and what is known of their content. */
export class Segment implements SegmentFacts {
  readonly baseOffset: number;
  endOffset: number;
  sizeBytes: number;
  firstTimestampMs: number;
  createdMs: number;
  modifiedMs: number;
  readonly log: LogFile;
  readonly damages: Damage[] = [];
  readonly #context: PartitionContext;
  readonly #folder: string;
  /** Of the segment that is appended to. */
  #indexes: SegmentIndexes | undefined;
  /** Of a closed one, once it was looked up. */
  #offsets: OffsetIndex | undefined;
  #loadingOffsets: Promise<OffsetIndex> | undefined;
  #largestTimestampMs: number | undefined;
  /** Entries that the index files hold; below 0: the files are to be written anew. */
  #offsetsStored = -1;
  #timesStored = -1;
  #storing: Promise<void> = Promise.resolve();

  constructor(context: PartitionContext, folder: string, facts: SegmentFacts) {
    this.#context = context;
    this.#folder = folder;
    this.baseOffset = facts.baseOffset;
    this.endOffset = facts.endOffset;
    this.sizeBytes = facts.sizeBytes;
    this.firstTimestampMs = facts.firstTimestampMs;
    this.createdMs = facts.createdMs;
    this.modifiedMs = facts.modifiedMs;
    this.log = new LogFile(context.disk, this.path(".log"), context.openFiles);
  }

  path(suffix: SegmentSuffix): string {
    return `${this.#folder}/${formatSegmentName(this.baseOffset, suffix)}`;
  }

  /** Makes it the one that is appended to. */
  activate(indexes: SegmentIndexes, stored?: { offsets: number; times: number }): void {
    this.#indexes = indexes;
    this.#offsets = undefined;
    this.#offsetsStored = stored?.offsets ?? -1;
    this.#timesStored = stored?.times ?? -1;
  }

  get indexes(): SegmentIndexes {
    assert(this.#indexes !== undefined, "only the active segment is appended to");
    return this.#indexes;
  }

  /** Its index files are whole, so that the next start may trust them. */
  get isSealed(): boolean {
    return this.#indexes === undefined;
  }

  head(): SegmentHead {
    return {
      baseOffset: this.baseOffset,
      sizeBytes: this.sizeBytes,
      recordCount: this.endOffset - this.baseOffset,
      firstTimestampMs: this.firstTimestampMs,
      createdMs: this.createdMs,
      isIndexFull: false,
    };
  }

  /** The position from which a scan finds the batch with `offset`. */
  findPosition(offset: number): number | Promise<number> {
    return after(this.offsets(), (index) => index.findPosition(offset));
  }

  /** Its offset index; of a closed segment read from its file, or built anew, at first use. */
  offsets(): OffsetIndex | Promise<OffsetIndex> {
    const known = this.#indexes?.offsets ?? this.#offsets;
    if (known !== undefined) return known;
    this.#loadingOffsets ??= this.#loadOffsets().finally(() => {
      this.#loadingOffsets = undefined;
    });
    return this.#loadingOffsets;
  }

  async times(): Promise<TimeIndex> {
    if (this.#indexes !== undefined) return this.#indexes.times;
    await this.offsets();
    const bytes = await this.#context.disk.readFile(this.path(".timeindex"));
    return TimeIndex.parse(this.baseOffset, bytes ?? new Uint8Array(0)).index;
  }

  /** -1 when no record has one. */
  async largestTimestampMs(): Promise<number> {
    if (this.#indexes !== undefined) return this.#indexes.largest?.timestampMs ?? -1;
    this.#largestTimestampMs ??= (await this.times()).last?.timestampMs ?? -1;
    return this.#largestTimestampMs;
  }

  /**
   * Nothing is appended any more: the indexes get their last entries and go to their files. Synced
   * when the next start will trust them; those of the last segment are always proven.
   */
  async seal(options: { sync: boolean }): Promise<void> {
    const { indexes } = this;
    indexes.finish();
    await this.storeIndexes(options);
    this.#largestTimestampMs = indexes.largest?.timestampMs ?? -1;
    this.#offsets = indexes.offsets;
    this.#indexes = undefined;
  }

  /** Appends to the index files what they lack. Calls run one after the other. */
  storeIndexes(options: { sync: boolean }): Promise<void> {
    const next = this.#storing.then(() => this.#storeIndexes(options.sync));
    this.#storing = next.catch(() => undefined);
    return next;
  }

  /** Drops what a closed segment can read again. */
  forgetIndexes(): void {
    this.#offsets = undefined;
  }

  async #storeIndexes(sync: boolean): Promise<void> {
    if (this.#indexes === undefined) return;
    const { offsets, times } = this.#indexes;
    if (sync || this.#offsetsStored !== offsets.count) {
      const stored = this.#offsetsStored;
      const { count } = offsets;
      const bytes = offsets.toBytes(Math.max(0, stored));
      this.#offsetsStored = -1;
      await this.#appendIndex(".index", { bytes, keepBytes: stored * offsetEntryBytes, sync });
      this.#offsetsStored = count;
    }
    if (sync || this.#timesStored !== times.count) {
      const stored = this.#timesStored;
      const { count } = times;
      const bytes = times.toBytes(Math.max(0, stored));
      this.#timesStored = -1;
      await this.#appendIndex(".timeindex", { bytes, keepBytes: stored * timeEntryBytes, sync });
      this.#timesStored = count;
    }
  }

  async #loadOffsets(): Promise<OffsetIndex> {
    const { disk } = this.#context;
    const bytes = await disk.readFile(this.path(".index"));
    const times = await disk.readFile(this.path(".timeindex"));
    if (bytes !== undefined && times !== undefined) {
      const parsed = OffsetIndex.parse(this.baseOffset, bytes, this.sizeBytes);
      if (parsed.isWhole && TimeIndex.parse(this.baseOffset, times).isWhole) {
        this.#offsets = parsed.index;
        return parsed.index;
      }
    }
    return this.#rebuildIndexes();
  }

  /** Index files that are absent or fail their checks are made again from the log. */
  async #rebuildIndexes(): Promise<OffsetIndex> {
    const { crc32c, log, settings } = this.#context;
    log.warn("rebuilding the indexes of a segment", { segment: this.path(".log") });
    const indexes = new SegmentIndexes(this.baseOffset);
    const intervalBytes = settings["log.index.interval.bytes"];
    const { baseOffset, endOffset } = this;
    const start = { position: 0, offsetMin: baseOffset, isExact: true };
    const from = { ...start, sumsFromOffset: Infinity, endOffset };
    await this.log.use((file) =>
      scanSegment(file, from, crc32c, (walk, position) => {
        const { sizeBytes, lastOffset, maxTimestampMs } = walk;
        indexes.add({ position, sizeBytes, lastOffset, maxTimestampMs }, intervalBytes);
      }),
    );
    indexes.finish();
    const [bytes, timeBytes] = [indexes.offsets.toBytes(), indexes.times.toBytes()];
    await this.#appendIndex(".index", { bytes, keepBytes: -1, sync: true });
    await this.#appendIndex(".timeindex", { bytes: timeBytes, keepBytes: -1, sync: true });
    this.#offsets = indexes.offsets;
    this.#largestTimestampMs = indexes.largest?.timestampMs ?? -1;
    return indexes.offsets;
  }

  /** Keeps the first `keepBytes` of an index file, below 0 none, and puts `bytes` behind them. */
  async #appendIndex(
    suffix: ".index" | ".timeindex",
    content: { bytes: Uint8Array; keepBytes: number; sync: boolean },
  ): Promise<void> {
    const path = this.path(suffix);
    const file = await this.#context.disk.open(path, { create: true });
    try {
      const keepBytes = Math.max(0, content.keepBytes);
      if (file.sizeBytes > keepBytes) await file.truncate(keepBytes);
      assert(file.sizeBytes === keepBytes, `${path} is shorter than it was`);
      await file.append([content.bytes]);
      if (content.sync) await file.sync();
    } finally {
      await file.close();
    }
  }
}
