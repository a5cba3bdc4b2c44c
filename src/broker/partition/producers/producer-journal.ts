import { XylemError } from "../../../base/errors.ts";
import { writeProducerSnapshot } from "../../../log/producer-snapshot.ts";
import type {
  MarkerHeader,
  Producer,
  ProducerBatch,
  ProducerStates,
} from "../../../log/producer-states.ts";
import type { AbortedTransaction } from "../../../log/transaction-index.ts";
import type { RecordBatch } from "../../../protocol/record-batch.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { Appended, AppendOptions } from "../partition-log.ts";
import { applyBatch, isProduced, producedHeader } from "./producer-replay.ts";

interface Undo {
  readonly lastOffset: number;
  readonly producerId: number;
  readonly before: Producer | undefined;
}

/**
 * The producers of a partition, ahead of its files by what is queued: appends count at once, so
 * that the next batch is judged by them, and are taken back when they are not stored.
 */
export class ProducerJournal {
  #states: ProducerStates;
  readonly #context: PartitionContext;
  /** Of appends that are not written yet, oldest first. */
  readonly #undos: Undo[] = [];

  constructor(states: ProducerStates, context: PartitionContext) {
    this.#states = states;
    this.#context = context;
  }

  get states(): ProducerStates {
    return this.#states;
  }

  /** Of a log that was cut, and holds nothing that is not written. */
  replace(states: ProducerStates): void {
    this.#states = states;
    this.#undos.length = 0;
  }

  /** The stored batch that this one repeats, or undefined: it is next. Throws why it is refused. */
  check(batch: RecordBatch, options: AppendOptions): ProducerBatch | undefined {
    if (options.origin !== "client" || !isProduced(batch)) return undefined;
    const verdict = this.states.check(producedHeader(batch));
    if (verdict instanceof XylemError) throw verdict;
    if (verdict === undefined && batch.isTransactional) this.#checkTransaction(batch, options);
    return verdict;
  }

  /** Throws why the coordinator's marker is refused. */
  checkMarker(marker: MarkerHeader): void {
    const refusal = this.states.checkMarker(marker);
    if (refusal !== undefined) throw refusal;
  }

  /** Notes a batch that was given its offsets. Answers the transaction that it aborted. */
  apply(batch: RecordBatch, nowMs: number): AbortedTransaction | undefined {
    if (!isProduced(batch)) return undefined;
    const { lastOffset } = batch;
    const applied = applyBatch(this.states, batch, nowMs);
    if (applied === undefined) return undefined;
    this.#undos.push({ lastOffset, producerId: Number(batch.producerId), before: applied.before });
    this.expire(nowMs);
    return applied.aborted;
  }

  /** What lies below `written` is not taken back any more; markers below `committed` count. */
  settle(written: number, committed: number): void {
    this.states.settle(committed);
    let count = 0;
    for (const undo of this.#undos) {
      if (undo.lastOffset >= written) break;
      count += 1;
    }
    if (count > 0) this.#undos.splice(0, count);
  }

  takeBack(): void {
    for (const undo of this.#undos.splice(0).reverse()) {
      this.states.undo(undo.producerId, undo.before);
    }
  }

  expire(nowMs: number): void {
    const { settings } = this.#context;
    const countMax = settings["producers.max.per.partition"];
    this.states.expire(nowMs, settings["producer.id.expiration.ms"], countMax);
  }

  /** The bytes of a snapshot of all that was appended so far. */
  snapshot(): Uint8Array {
    return writeProducerSnapshot(this.states.values(), this.#context.crc32c);
  }

  /** Of a transaction that is not open here yet only its coordinator can tell. */
  #checkTransaction(batch: RecordBatch, { isTransactionKnown }: AppendOptions): void {
    const producerId = Number(batch.producerId);
    if ((this.states.find(producerId)?.currentTxnFirstOffset ?? -1) >= 0) return;
    if (isTransactionKnown !== true) {
      const detail = `producer ${producerId} has no open transaction with this partition`;
      throw new XylemError("INVALID_TXN_STATE", detail);
    }
    const countMax = this.#context.settings["producers.max.per.partition"];
    if (this.states.openTransactionCount < countMax) return;
    const detail = `${countMax} transactions are open in this partition`;
    throw new XylemError("THROTTLING_QUOTA_EXCEEDED", detail);
  }
}

/** What the first append of a batch answered that comes again. */
export function describeDuplicate(stored: ProducerBatch, { timestampType }: RecordBatch): Appended {
  return {
    baseOffset: stored.lastOffset - stored.offsetDelta,
    lastOffset: stored.lastOffset,
    logAppendTimeMs: timestampType === "LogAppendTime" ? stored.timestampMs : -1,
    isDuplicate: true,
  };
}
