import { OffsetIndex, offsetEntryBytes } from "./offset-index.ts";
import { TimeIndex, timeEntryBytes, type TimeEntry } from "./time-index.ts";
import { transactionEntryBytes, TransactionIndex } from "./transaction-index.ts";

/** One stored batch, as the indexes see it. */
export interface IndexedBatch {
  readonly position: number;
  readonly sizeBytes: number;
  readonly lastOffset: number;
  readonly maxTimestampMs: number;
}

/**
 * The indexes of a segment that is appended to, kept by Kafka's rules so that equal appends
 * give equal files: an entry for a batch once more than `intervalBytes` came since the last one.
 */
export class SegmentIndexes {
  readonly offsets: OffsetIndex;
  readonly times: TimeIndex;
  transactions = new TransactionIndex();
  #bytesSinceEntry: number;
  #largestTimestampMs = -1;
  #largestOffset = -1;

  /** Resumes from what is known of a segment of `logSizeBytes`; by default an empty one. */
  constructor(
    baseOffset: number,
    known?: { offsets: OffsetIndex; times: TimeIndex; logSizeBytes: number },
  ) {
    this.offsets = known?.offsets ?? new OffsetIndex(baseOffset);
    this.times = known?.times ?? new TimeIndex(baseOffset);
    this.#bytesSinceEntry = (known?.logSizeBytes ?? 0) - this.offsets.lastPosition;
    const last = this.times.last;
    if (last !== undefined) this.noteTimestamp(last.timestampMs, last.offset);
  }

  /** The largest timestamp so far and the last offset of the first batch that has it. */
  get largest(): TimeEntry | undefined {
    if (this.#largestTimestampMs < 0) return undefined;
    return { timestampMs: this.#largestTimestampMs, offset: this.#largestOffset };
  }

  noteTimestamp(timestampMs: number, offset: number): void {
    if (timestampMs <= this.#largestTimestampMs) return;
    this.#largestTimestampMs = timestampMs;
    this.#largestOffset = offset;
  }

  add(batch: IndexedBatch, intervalBytes: number): void {
    this.noteTimestamp(batch.maxTimestampMs, batch.lastOffset);
    if (this.#bytesSinceEntry > intervalBytes) {
      this.offsets.append(batch.lastOffset, batch.position);
      this.#addTime();
      this.#bytesSinceEntry = 0;
    }
    this.#bytesSinceEntry += batch.sizeBytes;
  }

  /** On roll and on close: the time index gets its last entry. */
  finish(): void {
    this.#addTime();
  }

  /** The time index keeps its last slot free for `finish`. */
  isFull(indexBytesMax: number): boolean {
    const offsetsMax = Math.floor(indexBytesMax / offsetEntryBytes);
    const timesMax = Math.floor(indexBytesMax / timeEntryBytes) - 1;
    const transactionsMax = Math.floor(indexBytesMax / transactionEntryBytes);
    if (this.transactions.count >= transactionsMax) return true;
    return this.offsets.count >= offsetsMax || this.times.count >= timesMax;
  }

  #addTime(): void {
    if (this.#largestTimestampMs < 0) return;
    this.times.appendIfLater(this.#largestTimestampMs, this.#largestOffset);
  }
}
