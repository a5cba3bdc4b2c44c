import { XylemError } from "../base/errors.ts";
import type { AbortedTransaction } from "./transaction-index.ts";
import { UnstableTransactions } from "./unstable-transactions.ts";

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

/** What a transaction marker says. */
export interface Marker {
  readonly isAbort: boolean;
  readonly coordinatorEpoch: number;
}

/** Where a batch landed, and when; `marker` if it is a transaction marker. */
export interface ProducedAt {
  readonly lastOffset: number;
  readonly nowMs: number;
  readonly marker?: Marker;
}

/** A marker on its way into the log. */
export interface MarkerHeader {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  /** From 2 on a marker carries a higher epoch than the transaction had (KIP-890). */
  readonly transactionVersion: number;
}

/** What an append changed. */
export interface Applied {
  /** What was known of the producer before, for `undo`. */
  readonly before: Producer | undefined;
  /** The append was the ABORT marker of a transaction that had records here. */
  readonly aborted: AbortedTransaction | undefined;
}

/**
 * The idempotent and transactional producers of one partition: a function of its log (semantics.md
 * 2 and 10).
 */
export class ProducerStates {
  /** Silent longest first. */
  readonly #producers = new Map<number, Producer>();
  readonly #unstable = new UnstableTransactions();

  get count(): number {
    return this.#producers.size;
  }

  get openTransactionCount(): number {
    return this.#unstable.openCount;
  }

  /** First offset of the oldest transaction that is open or whose marker is not committed. */
  get firstUnstable(): number | undefined {
    return this.#unstable.firstOffset;
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

  /** Why the coordinator's marker is refused, or undefined. */
  checkMarker(marker: MarkerHeader): XylemError | undefined {
    const known = this.#producers.get(marker.producerId);
    if (known === undefined) return undefined;
    const who = `producer ${marker.producerId}`;
    const isRepeat = marker.producerEpoch === known.epoch && known.currentTxnFirstOffset < 0;
    const isRaised = marker.producerEpoch > known.epoch || isRepeat;
    if (marker.producerEpoch < known.epoch || (marker.transactionVersion >= 2 && !isRaised)) {
      const detail = `${who} has epoch ${known.epoch}, its marker ${marker.producerEpoch}`;
      return new XylemError("INVALID_PRODUCER_EPOCH", detail);
    }
    if (marker.coordinatorEpoch >= known.coordinatorEpoch) return undefined;
    const epochs = `${marker.coordinatorEpoch} after ${known.coordinatorEpoch}`;
    const detail = `${who}: a marker of coordinator epoch ${epochs}`;
    return new XylemError("TRANSACTION_COORDINATOR_FENCED", detail);
  }

  /** Notes an appended batch or marker. */
  apply(header: ProducedHeader, at: ProducedAt): Applied {
    const { producerId } = header;
    const before = this.#producers.get(producerId);
    const aborted = at.marker === undefined ? undefined : this.#end(before, at);
    const next =
      at.marker === undefined ? afterBatch(before, header, at) : afterMarker(before, header, at);
    if (next.currentTxnFirstOffset >= 0 && (before?.currentTxnFirstOffset ?? -1) < 0) {
      this.#unstable.begin(next.currentTxnFirstOffset);
    }
    this.#producers.delete(producerId);
    this.#producers.set(producerId, next);
    return { before, aborted };
  }

  /** Takes back the newest `apply` for this id; appends are undone newest first. */
  undo(producerId: number, before: Producer | undefined): void {
    const openAfter = this.#producers.get(producerId)?.currentTxnFirstOffset ?? -1;
    const openBefore = before?.currentTxnFirstOffset ?? -1;
    if (openBefore < 0 && openAfter >= 0) this.#unstable.undoBegin(openAfter);
    if (openBefore >= 0 && openAfter < 0) this.#unstable.undoEnd(openBefore);
    if (before === undefined) this.#producers.delete(producerId);
    else this.#producers.set(producerId, before);
  }

  /** Markers below `committed` count for `firstUnstable` from here on. */
  settle(committed: number): void {
    this.#unstable.settle(committed);
  }

  /** Puts a producer of a snapshot in place. */
  load(producer: Producer): void {
    this.#producers.set(producer.producerId, producer);
    if (producer.currentTxnFirstOffset >= 0) this.#unstable.begin(producer.currentTxnFirstOffset);
  }

  /**
   * Forgets who has been silent for `silentMsMax`, and who is more than `countMax`; never one with
   * an open transaction.
   */
  expire(nowMs: number, silentMsMax: number, countMax: number): void {
    let tooMany = this.#producers.size - countMax;
    for (const producer of this.#producers.values()) {
      if (producer.currentTxnFirstOffset >= 0) continue;
      if (tooMany <= 0 && nowMs - producer.seenMs < silentMsMax) return;
      this.#producers.delete(producer.producerId);
      tooMany -= 1;
    }
  }

  #end(known: Producer | undefined, at: ProducedAt): AbortedTransaction | undefined {
    const firstOffset = known?.currentTxnFirstOffset ?? -1;
    if (known === undefined || firstOffset < 0) return undefined;
    const { lastOffset } = at;
    const lastStableOffset = this.#unstable.firstOpen(firstOffset) ?? lastOffset + 1;
    this.#unstable.end(firstOffset, lastOffset);
    if (at.marker?.isAbort !== true) return undefined;
    return { producerId: known.producerId, firstOffset, lastOffset, lastStableOffset };
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
  // Offsets that a coordinator commits within a transaction have no sequence.
  const batches = header.baseSequence < 0 ? (known?.batches ?? []) : [...earlier, batch];
  const openFrom = known?.currentTxnFirstOffset ?? -1;
  const firstOffset = at.lastOffset - header.lastOffsetDelta;
  return {
    producerId: header.producerId,
    epoch: header.producerEpoch,
    batches,
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
    coordinatorEpoch: at.marker?.coordinatorEpoch ?? -1,
    currentTxnFirstOffset: -1,
    seenMs: at.nowMs,
  };
}
