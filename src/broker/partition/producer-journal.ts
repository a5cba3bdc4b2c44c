import { XylemError } from "../../base/errors.ts";
import { writeProducerSnapshot } from "../../log/producer-snapshot.ts";
import type { Producer, ProducerBatch, ProducerStates } from "../../log/producer-states.ts";
import type { RecordBatch } from "../../protocol/record-batch.ts";
import type { PartitionContext } from "./partition-context.ts";
import type { AppendOptions } from "./partition-log.ts";
import { applyBatch, producedHeader } from "./producer-replay.ts";

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
  readonly states: ProducerStates;
  readonly #context: PartitionContext;
  /** Of appends that are not written yet, oldest first. */
  readonly #undos: Undo[] = [];

  constructor(states: ProducerStates, context: PartitionContext) {
    this.states = states;
    this.#context = context;
  }

  /** The stored batch that this one repeats, or undefined: it is next. Throws why it is refused. */
  check(batch: RecordBatch, options: AppendOptions): ProducerBatch | undefined {
    if (options.origin !== "client" || !isProduced(batch)) return undefined;
    const verdict = this.states.check(producedHeader(batch));
    if (verdict instanceof XylemError) throw verdict;
    return verdict;
  }

  /** Notes a batch that was given its offsets. */
  apply(batch: RecordBatch, nowMs: number): void {
    if (!isProduced(batch)) return;
    const { lastOffset } = batch;
    const before = applyBatch(this.states, batch, nowMs);
    this.#undos.push({ lastOffset, producerId: Number(batch.producerId), before });
    this.expire(nowMs);
  }

  /** What lies below `written` is not taken back any more. */
  settle(written: number): void {
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
}

function isProduced(batch: RecordBatch): boolean {
  return batch.hasProducerId && (batch.baseSequence >= 0 || batch.isControl);
}
