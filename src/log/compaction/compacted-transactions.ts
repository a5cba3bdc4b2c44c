import { controlTypes } from "../../protocol/build-batch.ts";
import type { RecordBatch } from "../../protocol/record-batch.ts";
import { RecordWalk } from "../../protocol/record-walk.ts";
import type { AbortedTransaction } from "../transaction-index.ts";

interface OpenAbort {
  readonly transaction: AbortedTransaction;
  hasData: boolean;
}

/**
 * Follows the transactions of a log while a pass goes over its batches in order: which data was
 * aborted, and which markers end transactions of which nothing is left (semantics.md 13).
 */
export class CompactedTransactions {
  /** Called with each aborted transaction that still has data where its marker is met. */
  readonly #onKept: (transaction: AbortedTransaction) => void;
  /** Aborted ones that begin further on, the next one last. */
  #awaited: AbortedTransaction[] = [];
  readonly #aborted = new Map<number | bigint, OpenAbort>();
  readonly #committed = new Set<number | bigint>();

  constructor(onKept: (transaction: AbortedTransaction) => void = () => undefined) {
    this.#onKept = onKept;
  }

  /** Those that overlap what comes next; one that is known already counts once. */
  expect(transactions: readonly AbortedTransaction[]): void {
    this.#awaited = [...this.#awaited, ...transactions].sort(
      (one, other) => other.firstOffset - one.firstOffset,
    );
  }

  /** Goes over a batch of data; answers whether it was aborted. */
  passData(batch: RecordBatch): boolean {
    this.#begin(batch.lastOffset);
    if (!batch.isTransactional) return false;
    const aborted = this.#aborted.get(batch.producerId);
    if (aborted === undefined) this.#committed.add(batch.producerId);
    else aborted.hasData = true;
    return aborted !== undefined;
  }

  /** Goes over a control batch; answers whether it marks the end of nothing that is left. */
  passMarker(batch: RecordBatch): boolean {
    this.#begin(batch.lastOffset);
    const type = controlTypeOf(batch);
    // Compaction emptied it before.
    if (type === undefined) return true;
    if (type === controlTypes.commit) return !this.#committed.delete(batch.producerId);
    if (type !== controlTypes.abort) return false;
    const aborted = this.#aborted.get(batch.producerId);
    this.#aborted.delete(batch.producerId);
    if (aborted === undefined || !aborted.hasData) return true;
    this.#onKept(aborted.transaction);
    return false;
  }

  #begin(offset: number): void {
    for (let next = this.#awaited.at(-1); next !== undefined; next = this.#awaited.at(-1)) {
      if (next.firstOffset > offset) return;
      this.#awaited.pop();
      if (!this.#aborted.has(next.producerId)) {
        this.#aborted.set(next.producerId, { transaction: next, hasData: false });
      }
    }
  }
}

/** Undefined for a batch without records. */
function controlTypeOf(batch: RecordBatch): number | undefined {
  const walk = new RecordWalk(batch.records, batch.recordCount);
  if (!walk.next()) return undefined;
  const { key } = walk;
  if (key === null || key.length < 4) return -1;
  return ((key[2] as number) << 8) | (key[3] as number);
}
