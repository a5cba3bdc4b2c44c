import { replayBatch } from "../broker/partition/producer-replay.ts";
import type { BatchWalk } from "../log/batch-walk.ts";
import { ProducerStates } from "../log/producer-states.ts";
import type { AbortedTransaction, TransactionIndex } from "../log/transaction-index.ts";

/** Producers that are followed at a time, silent ones forgotten first. */
const producersMax = 100_000;

/**
 * Follows the transactions of a log, batch by batch, to say which aborted ones a segment's
 * `.txnindex` should name: without them readers would take aborted records for committed ones.
 */
export class TransactionCheck {
  readonly #states = new ProducerStates();
  #expected: AbortedTransaction[] = [];

  see(walk: BatchWalk): void {
    const aborted = replayBatch(this.#states, walk, 0);
    if (aborted !== undefined) this.#expected.push(aborted);
    this.#states.settle(walk.lastOffset + 1);
    this.#states.expire(0, Infinity, producersMax);
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
