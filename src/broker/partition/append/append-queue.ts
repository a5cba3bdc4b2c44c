import type { LeaderEpochs } from "../../../log/leader-epochs.ts";
import type { AbortedTransaction } from "../../../log/transaction-index.ts";
import type { ReadOptions, ReadResult } from "../partition-log.ts";

/** One batch on its way to the file, or, without bytes, a wish for a new segment. */
export interface PendingBatch {
  readonly bytes: Uint8Array | undefined;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly maxTimestampMs: number;
  /** It is the marker of this transaction. */
  readonly aborted?: AbortedTransaction | undefined;
  /** Set: a segment begins with this batch; the producers' state before it goes beside. */
  readonly newSegment: NewSegment | undefined;
  /** Set: a leader epoch begins with this batch; they go to their file before it is written. */
  readonly newEpochs?: LeaderEpochs | undefined;
  /**
   * Offsets before it are in no batch. It is written with the next one, or does not count before
   * the segment is there that the next one begins.
   */
  readonly isBehindGap?: boolean;
  /** Called once it is written, or never will be. */
  readonly onDone?: () => void;
}

export interface NewSegment {
  readonly snapshot: Uint8Array | undefined;
}

/** Batches of one partition that are not written yet, in their order. */
export class AppendQueue {
  #batches: PendingBatch[] = [];
  #sizeBytes = 0;

  get length(): number {
    return this.#batches.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get first(): PendingBatch | undefined {
    return this.#batches[0];
  }

  at(index: number): PendingBatch | undefined {
    return this.#batches[index];
  }

  /** The segment that begins with the oldest is there. */
  noteBegun(): void {
    this.#batches[0] = { ...(this.#batches[0] as PendingBatch), newSegment: undefined };
  }

  push(batch: PendingBatch): void {
    this.#batches.push(batch);
    this.#sizeBytes += batch.bytes?.length ?? 0;
  }

  /** The oldest batches, as many as one write may take, or a segment alone; they stay. */
  run(sizeBytesMax: number): PendingBatch[] {
    let sizeBytes = 0;
    let count = 0;
    for (const batch of this.#batches) {
      const before = this.#batches[count - 1];
      const isAlone = before !== undefined && before.bytes === undefined;
      if (isAlone || (before !== undefined && isBeginning(batch))) break;
      sizeBytes += batch.bytes?.length ?? 0;
      if (before !== undefined && before.isBehindGap !== true && sizeBytes > sizeBytesMax) break;
      count += 1;
    }
    return this.#batches.slice(0, count);
  }

  /** These, the oldest, are written. */
  remove(run: readonly PendingBatch[]): void {
    this.#batches.splice(0, run.length);
    for (const { bytes } of run) this.#sizeBytes -= bytes?.length ?? 0;
  }

  clear(): PendingBatch[] {
    const dropped = this.#batches;
    this.#batches = [];
    this.#sizeBytes = 0;
    return dropped;
  }

  /** As PartitionLog.read, for an `offset` that no written batch holds. */
  read(offset: number, { sizeBytesMax, wholeFirst, upTo }: ReadOptions): ReadResult {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for (let at = this.#find(offset); at < this.#batches.length; at += 1) {
      const { bytes, lastOffset } = this.#batches[at] as PendingBatch;
      if (lastOffset >= upTo) break;
      if (bytes === undefined) continue;
      const isWanted = wholeFirst && chunks.length === 0;
      if (sizeBytes + bytes.length > sizeBytesMax && !isWanted) break;
      chunks.push(bytes);
      sizeBytes += bytes.length;
    }
    return { chunks, sizeBytes };
  }

  /** Index of the first batch that ends at or above `offset`. */
  #find(offset: number): number {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches[middle] as PendingBatch).lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** It can not ride in one write with the batch before it. */
function isBeginning({ newSegment, newEpochs }: PendingBatch): boolean {
  return newSegment !== undefined || newEpochs !== undefined;
}
