import { replayBatch } from "../../broker/partition/producers/producer-replay.ts";
import type { BatchWalk } from "../../log/batch-walk.ts";
import { ProducerStates } from "../../log/producer-states.ts";
import type { AbortedTransaction, TransactionIndex } from "../../log/transaction-index.ts";

/** Producers that are followed at a time, silent ones forgotten first. */
const producersMax = 100_000;

/**
 * Follows the transactions of a log, batch by batch, to say which aborted ones a segment's
 * `.txnindex` should name: without them readers would take aborted records for committed ones.
 */
export class TransactionCheck {
  readonly #states = new ProducerStates();
  #expected: AbortedTransaction[] = [];
  #next: number | undefined;
  #hasGaps = false;
  /** What began below it may have lost its beginning. */
  #firstOffset: number | undefined;

  see(walk: BatchWalk): void {
    this.#firstOffset ??= walk.baseOffset;
    this.#noteGap(walk);
    const aborted = replayBatch(this.#states, walk, 0);
    if (aborted !== undefined) this.#expected.push(aborted);
    this.#states.settle(walk.lastOffset + 1);
    this.#states.expire(0, Infinity, producersMax);
  }

  /** Of a compacted log nothing is known: entries may outlive the records that they are of. */
  #noteGap({ baseOffset, lastOffset, batch }: BatchWalk): void {
    const isWhole = batch.recordCount === lastOffset - baseOffset + 1;
    if (!isWhole || (this.#next ?? baseOffset) !== baseOffset) this.#hasGaps = true;
    this.#next = lastOffset + 1;
  }

  /** What `index` has and the segment just seen has not, or with another last stable offset. */
  findStrays(index: TransactionIndex): AbortedTransaction[] {
    if (this.#hasGaps) return [];
    const expected = new Map(this.#expected.map((entry) => [entry.lastOffset, entry]));
    const from = this.#firstOffset ?? 0;
    return index.entries().filter(({ firstOffset, lastOffset, lastStableOffset }) => {
      if (firstOffset < from) return false;
      const entry = expected.get(lastOffset);
      const isSame = entry?.firstOffset === firstOffset;
      return !isSame || (from === 0 && entry.lastStableOffset !== lastStableOffset);
    });
  }

  /**
   * The aborted transactions of the segment just seen that `index` lacks, or has with records of
   * theirs left out; the next segment begins.
   */
  takeMissing(index: TransactionIndex): AbortedTransaction[] {
    const known = new Map(index.entries().map((entry) => [entry.lastOffset, entry]));
    const missing = this.#expected.filter(({ producerId, firstOffset, lastOffset }) => {
      const entry = known.get(lastOffset);
      return entry?.producerId !== producerId || entry.firstOffset > firstOffset;
    });
    this.#expected = [];
    return missing;
  }
}
