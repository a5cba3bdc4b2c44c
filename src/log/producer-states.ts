import { XylemError } from "../base/errors.ts";

/** How many of its last batches a producer may send again unnoticed (KIP-98). */
const batchesRemembered = 5;
const sequenceMax = 0x7fffffff;

export interface ProducerBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly offsetDelta: number;
  readonly timestampMs: number;
}

/** What is known of one producer id. Never changed: an append puts another in its place. */
export interface Producer {
  readonly producerId: number;
  readonly epoch: number;
  /** Up to five, oldest first. */
  readonly batches: readonly ProducerBatch[];
  /** Of the last batch or marker, as stored. */
  readonly timestampMs: number;
  /** Of the last marker; -1 none. */
  readonly coordinatorEpoch: number;
  /** -1: no open transaction. */
  readonly currentTxnFirstOffset: number;
  /** Our clock at the last append or load: record timestamps may lie days back. */
  readonly seenMs: number;
}

/** The producer fields of a batch header. */
export interface ProducedHeader {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastOffsetDelta: number;
  readonly maxTimestampMs: number;
  readonly isTransactional: boolean;
}

/** Where a batch landed, and when; `markerEpoch` is the coordinator's of a transaction marker. */
export interface ProducedAt {
  readonly lastOffset: number;
  readonly nowMs: number;
  readonly markerEpoch?: number;
}

/** The idempotent producers of one partition: a function of its log (semantics.md 2). */
export class ProducerStates {
  /** Silent longest first. */
  readonly #producers = new Map<number, Producer>();

  get count(): number {
    return this.#producers.size;
  }

  values(): Iterable<Producer> {
    return this.#producers.values();
  }

  find(producerId: number): Producer | undefined {
    return this.#producers.get(producerId);
  }

  /** The remembered batch that `header` repeats, why it is refused, or undefined: it is next. */
  check(header: ProducedHeader): ProducerBatch | XylemError | undefined {
    const known = this.#producers.get(header.producerId);
    if (known === undefined) return undefined;
    if (header.producerEpoch === known.epoch) {
      const lastSequence = lastSequenceOf(header);
      for (const batch of known.batches) {
        const sameFirst = batch.firstSequence === header.baseSequence;
        if (sameFirst && batch.lastSequence === lastSequence) return batch;
      }
    }
    return checkOrder(header, known);
  }

  /** Notes an appended batch or marker. Answers what was known before, for `undo`. */
  apply(header: ProducedHeader, at: ProducedAt): Producer | undefined {
    const { producerId } = header;
    const known = this.#producers.get(producerId);
    const next =
      at.markerEpoch === undefined ? afterBatch(known, header, at) : afterMarker(known, header, at);
    this.#producers.delete(producerId);
    this.#producers.set(producerId, next);
    return known;
  }

  /** Takes back the newest `apply` for this id; appends are undone newest first. */
  undo(producerId: number, before: Producer | undefined): void {
    if (before === undefined) this.#producers.delete(producerId);
    else this.#producers.set(producerId, before);
  }

  /** Puts a producer of a snapshot in place. */
  load(producer: Producer): void {
    this.#producers.set(producer.producerId, producer);
  }

  /** Forgets who has been silent for `silentMsMax`, and who is more than `countMax`. */
  expire(nowMs: number, silentMsMax: number, countMax: number): void {
    for (const producer of this.#producers.values()) {
      const isOpen = producer.currentTxnFirstOffset >= 0;
      const isExpired = !isOpen && nowMs - producer.seenMs >= silentMsMax;
      const isTooMany = this.#producers.size > countMax;
      if (isExpired || isTooMany) this.#producers.delete(producer.producerId);
      else if (!isOpen) return;
    }
  }

  clear(): void {
    this.#producers.clear();
  }
}

/** Sequences wrap from 2^31 - 1 to 0. */
function lastSequenceOf(header: ProducedHeader): number {
  return (header.baseSequence + header.lastOffsetDelta) % (sequenceMax + 1);
}

function checkOrder(header: ProducedHeader, known: Producer): XylemError | undefined {
  const who = `producer ${header.producerId}`;
  if (header.producerEpoch < known.epoch) {
    const detail = `${who} has epoch ${known.epoch}, sent ${header.producerEpoch}`;
    return new XylemError("INVALID_PRODUCER_EPOCH", detail);
  }
  const last = header.producerEpoch === known.epoch ? known.batches.at(-1) : undefined;
  const expected = last === undefined ? 0 : (last.lastSequence + 1) % (sequenceMax + 1);
  if (header.baseSequence !== expected) {
    const detail = `${who}: sequence ${header.baseSequence}, expected ${expected}`;
    return new XylemError("OUT_OF_ORDER_SEQUENCE_NUMBER", detail);
  }
  if (!header.isTransactional && known.currentTxnFirstOffset >= 0) {
    return new XylemError("INVALID_TXN_STATE", `${who} has an open transaction`);
  }
  return undefined;
}

function afterBatch(known: Producer | undefined, header: ProducedHeader, at: ProducedAt): Producer {
  const batch: ProducerBatch = {
    firstSequence: header.baseSequence,
    lastSequence: lastSequenceOf(header),
    lastOffset: at.lastOffset,
    offsetDelta: header.lastOffsetDelta,
    timestampMs: header.maxTimestampMs,
  };
  const sameEpoch = known !== undefined && known.epoch === header.producerEpoch;
  const earlier = sameEpoch ? known.batches.slice(1 - batchesRemembered) : [];
  const openFrom = known?.currentTxnFirstOffset ?? -1;
  const firstOffset = at.lastOffset - header.lastOffsetDelta;
  return {
    producerId: header.producerId,
    epoch: header.producerEpoch,
    batches: [...earlier, batch],
    timestampMs: header.maxTimestampMs,
    coordinatorEpoch: known?.coordinatorEpoch ?? -1,
    currentTxnFirstOffset: header.isTransactional && openFrom < 0 ? firstOffset : openFrom,
    seenMs: at.nowMs,
  };
}

/** A marker ends the transaction; with a higher epoch the sequences start again at 0. */
function afterMarker(
  known: Producer | undefined,
  header: ProducedHeader,
  at: ProducedAt,
): Producer {
  const sameEpoch = known !== undefined && known.epoch === header.producerEpoch;
  return {
    producerId: header.producerId,
    epoch: header.producerEpoch,
    batches: sameEpoch ? known.batches : [],
    timestampMs: header.maxTimestampMs,
    coordinatorEpoch: at.markerEpoch ?? -1,
    currentTxnFirstOffset: -1,
    seenMs: at.nowMs,
  };
}
