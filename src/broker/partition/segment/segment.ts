import { assert } from "../../../base/assert.ts";
import { XylemError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { type IndexedPlace, OffsetIndex, offsetEntryBytes } from "../../../log/offset-index.ts";
import type { SegmentIndexes } from "../../../log/segment-indexes.ts";
import { formatSegmentName, type SegmentSuffix } from "../../../log/segment-name.ts";
import type { SegmentHead } from "../../../log/segment-roll.ts";
import { type TimeEntry, TimeIndex, timeEntryBytes } from "../../../log/time-index.ts";
import type { TransactionIndex } from "../../../log/transaction-index.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import { after } from "../after.ts";
import { areClosedTimesWhole, isTimeEntryTrue } from "./find-head.ts";
import { indexAnew } from "./index-anew.ts";
import type { IndexOwner } from "./index-cache.ts";
import { LogFile } from "./log-file.ts";
import type { PartitionContext } from "../partition-context.ts";
import { TransactionFile, type TransactionFileFate } from "../producers/transaction-file.ts";

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
  readonly transactionFile?: TransactionFileFate;
}

/** One segment of a partition: its files and what is known of their content. */
export class Segment implements SegmentFacts, IndexOwner {
  readonly baseOffset: number;
  endOffset: number;
  sizeBytes: number;
  firstTimestampMs: number;
  createdMs: number;
  modifiedMs: number;
  readonly log: LogFile;
  readonly damages: Damage[] = [];
  readonly #transactions: TransactionFile;
  readonly #context: PartitionContext;
  readonly #folder: string;
  /** Of the segment that is appended to. */
  #indexes: SegmentIndexes | undefined;
  /** Of a closed one, once it was looked up. */
  #offsets: OffsetIndex | undefined;
  #loadingOffsets: Promise<OffsetIndex> | undefined;
  #areIndexesDoubted = false;
  #largestTimestampMs: number | undefined;
  /** Entries that the index files hold; below 0: the files are to be written anew. */
  #offsetsStored = -1;
  #timesStored = -1;
  #storing: Promise<void> = Promise.resolve();
  #sealing: Promise<void> | undefined;

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
    const place = { directory: folder, baseOffset: facts.baseOffset };
    this.#transactions = new TransactionFile(context, place, facts.transactionFile ?? "none");
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
      endsInDamage: this.damages.some(({ endPosition }) => endPosition === this.sizeBytes),
    };
  }

  /** Where the index says that a batch at or before `offset` begins, and its last offset. */
  findEntry(offset: number): IndexedPlace | Promise<IndexedPlace> {
    return after(this.offsets(), (index) => index.findEntry(offset));
  }

  /**
   * The index files do not fit the log: they are made again before they are used again. Those of
   * the segment that is appended to stay; who follows them finds out each time.
   */
  doubtIndexes(): void {
    if (this.#indexes !== undefined) return;
    this.#context.indexes.forget(this);
    this.#offsets = undefined;
    this.#areIndexesDoubted = true;
  }

  /** The position from which a scan finds the batch with `offset`. */
  findPosition(offset: number): number | Promise<number> {
    return after(this.offsets(), (index) => index.findPosition(offset));
  }

  /** Its offset index; of a closed segment read from its file, or built anew, at first use. */
  offsets(): OffsetIndex | Promise<OffsetIndex> {
    if (this.#indexes !== undefined) return this.#indexes.offsets;
    if (this.#offsets !== undefined) {
      this.#context.indexes.touch(this);
      return this.#offsets;
    }
    this.#loadingOffsets ??= this.#loadOffsets().finally(() => {
      this.#loadingOffsets = undefined;
    });
    return this.#loadingOffsets;
  }

  async times(): Promise<TimeIndex> {
    if (this.#indexes !== undefined) return this.#indexes.times;
    await this.offsets();
    const bytes = await this.#current(this.#context.disk.readFile(this.path(".timeindex")));
    return TimeIndex.parse(this.baseOffset, bytes ?? new Uint8Array(0)).index;
  }

  /**
   * The aborted transactions whose markers lie here; undefined: their file is unreadable, and they
   * are to be found in the log.
   */
  transactions(): TransactionIndex | Promise<TransactionIndex | undefined> {
    if (this.#indexes !== undefined) return this.#indexes.transactions;
    return this.#current<TransactionIndex | undefined>(
      this.#transactions.read(this.endOffset),
    ) as Promise<TransactionIndex | undefined>;
  }

  /** Those with markers below `from`, as far as the file is to be believed; undefined as above. */
  resumeTransactions(from: number): Promise<TransactionIndex | undefined> {
    return this.#transactions.resume(from);
  }

  /** Puts what was resumed, and has grown by what the log says, in place. */
  async setTransactions(index: TransactionIndex): Promise<void> {
    if (this.#indexes !== undefined) this.#indexes.transactions = index;
    else {
      await this.#transactions.store(index);
      this.#transactions.keep(index);
    }
  }

  /** As found in the log from the segment's start on; what the file held goes. */
  replaceTransactions(index: TransactionIndex): Promise<void> {
    return this.#inTurn(() => {
      this.log.checkCurrent();
      this.#transactions.reset();
      return this.setTransactions(index);
    });
  }

  /** The largest timestamp of its first batch; -1 none. */
  async readFirstTimestamp(): Promise<number> {
    if (this.firstTimestampMs >= 0 || this.sizeBytes === 0) return this.firstTimestampMs;
    const head = await this.log.use((file) => file.read(0, batchHeaderBytes));
    const walk = new BatchWalk(head, 0, this.baseOffset);
    if (walk.look() !== "bad" && head.length === batchHeaderBytes) {
      this.firstTimestampMs = walk.maxTimestampMs;
    }
    return this.firstTimestampMs;
  }

  /** An offset at or before the first record with a timestamp >= `timestampMs`. */
  async findOffsetByTime(timestampMs: number): Promise<number> {
    const entry = (await this.times()).findEntry(timestampMs);
    if (entry === undefined) return this.baseOffset;
    if (await this.#isTrue(entry)) return entry.offset;
    this.doubtIndexes();
    return this.baseOffset;
  }

  async #isTrue(entry: TimeEntry): Promise<boolean> {
    const offsets = await this.offsets();
    return await this.log.use((file) => isTimeEntryTrue(file, offsets, entry));
  }

  /** -1 when no record has one. */
  async largestTimestampMs(): Promise<number> {
    if (this.#indexes !== undefined) return this.#indexes.largest?.timestampMs ?? -1;
    if (this.#largestTimestampMs !== undefined) return this.#largestTimestampMs;
    const times = await this.times();
    const offsets = await this.offsets();
    const isWhole = await this.log.use((file) => areClosedTimesWhole(file, offsets, times));
    if (!isWhole) await this.#rebuildIndexes();
    // Set meanwhile: the index was rebuilt, and knows more than a file that could not be written.
    this.#largestTimestampMs ??= times.last?.timestampMs ?? -1;
    return this.#largestTimestampMs;
  }

  /**
   * Nothing is appended any more: the indexes get their last entries and go to their files. Synced
   * when the next start will trust them; those of the last segment are always proven.
   */
  seal(options: { sync: boolean }): Promise<void> {
    this.#sealing ??= this.#seal(options).finally(() => {
      this.#sealing = undefined;
    });
    return this.#sealing;
  }

  async #seal(options: { sync: boolean }): Promise<void> {
    const { indexes } = this;
    indexes.finish();
    await this.storeIndexes(options);
    this.#largestTimestampMs = indexes.largest?.timestampMs ?? -1;
    this.#indexes = undefined;
    this.#transactions.keep(indexes.transactions);
    this.#keep(indexes.offsets);
  }

  /** Appends to the index files what they lack. Calls run one after the other. */
  storeIndexes(options: { sync: boolean }): Promise<void> {
    return this.#inTurn(() => this.#storeIndexes(options.sync));
  }

  dropIndex(): void {
    this.#offsets = undefined;
  }

  /** As LogFile.retire: nobody may use it any more. */
  async retire(): Promise<void> {
    await this.log.retire();
    // Index files that are being written are not left behind.
    await this.#storing;
    this.#context.indexes.forget(this);
    this.#transactions.drop();
    this.#offsets = undefined;
  }

  /** As LogFile.supersede; none of its files is read or written under its name any more. */
  async supersede(until: Promise<void>): Promise<void> {
    await this.log.supersede(until);
    await this.#loadingOffsets?.catch(() => undefined);
    await this.#storing;
    await this.retire();
  }

  /** Writes to its index files come one after the other. */
  #inTurn(write: () => Promise<void>): Promise<void> {
    const next = this.#storing.then(write);
    this.#storing = next.catch(() => undefined);
    return next;
  }

  /** What was read under its name was its own. */
  #current<T>(found: T | Promise<T>): T | Promise<T> {
    this.log.checkCurrent();
    if (!(found instanceof Promise)) return found;
    return found.then((read) => {
      this.log.checkCurrent();
      return read;
    });
  }

  #keep(offsets: OffsetIndex): OffsetIndex {
    if (this.log.isRetired) return offsets;
    this.#offsets = offsets;
    this.#context.indexes.keep(this, offsets.sizeBytes);
    return offsets;
  }

  async #storeIndexes(sync: boolean): Promise<void> {
    if (this.#indexes === undefined) return;
    const { offsets, times, transactions } = this.#indexes;
    await this.#transactions.store(transactions);
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
    // Else a power cut may bring back what had these names before: nobody would look again.
    if (sync) await this.#context.disk.syncDirectory(this.#folder);
  }

  async #loadOffsets(): Promise<OffsetIndex> {
    if (this.#areIndexesDoubted) return this.#rebuildIndexes();
    const { disk } = this.#context;
    const bytes = await disk.readFile(this.path(".index"));
    const times = await disk.readFile(this.path(".timeindex"));
    if (bytes !== undefined && times !== undefined) {
      const parsed = OffsetIndex.parse(this.baseOffset, bytes, this.sizeBytes);
      if (parsed.isWhole && TimeIndex.parse(this.baseOffset, times).isWhole) {
        return this.#keep(parsed.index);
      }
    }
    return this.#rebuildIndexes();
  }

  /** Index files that are absent or fail their checks are made again from the log. */
  async #rebuildIndexes(): Promise<OffsetIndex> {
    // What was read under its name may be another segment's, or gone with it.
    this.log.checkCurrent();
    const { log } = this.#context;
    log.warn("rebuilding the indexes of a segment", { segment: this.path(".log") });
    const { indexes, mayHaveAborted } = await indexAnew(this, this.#context);
    if (!mayHaveAborted) this.#transactions.noteNone();
    this.#areIndexesDoubted = false;
    indexes.finish();
    await this.#writeRebuilt(indexes);
    this.#largestTimestampMs = indexes.largest?.timestampMs ?? -1;
    return this.#keep(indexes.offsets);
  }

  /** A full disk does not keep the segment from being read. */
  async #writeRebuilt({ offsets, times }: SegmentIndexes): Promise<void> {
    // A start takes a segment that has an index, and no such file, for one in which none aborted.
    if (this.#transactions.isUnknown) return;
    const whole = { keepBytes: -1, sync: true };
    try {
      await this.#appendIndex(".index", { ...whole, bytes: offsets.toBytes() });
      await this.#appendIndex(".timeindex", { ...whole, bytes: times.toBytes() });
    } catch (error) {
      if (!(error instanceof XylemError) || error.code !== "DISK_FULL") throw error;
      await this.#context.disk.remove(this.path(".index"));
      const fields = { segment: this.path(".log"), why: error.message };
      this.#context.log.warn("the rebuilt indexes of a segment were not written", fields);
    }
  }

  /**
   * Keeps the first `keepBytes` of an index file and puts `bytes` behind them. Below 0 the file is
   * made anew: a fork or a snapshot may share the one that is there.
   */
  async #appendIndex(
    suffix: ".index" | ".timeindex",
    content: { bytes: Uint8Array; keepBytes: number; sync: boolean },
  ): Promise<void> {
    const path = this.path(suffix);
    if (content.keepBytes < 0) await this.#context.disk.remove(path);
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
