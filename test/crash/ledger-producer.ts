import { setTimeout as sleep } from "node:timers/promises";
import { XylemError } from "../../src/base/errors.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { ledgerKey } from "./ledger.ts";
import { formatStamp } from "../../src/cli/torture/record-stamp.ts";

/** As many unanswered batches a partition as the broker remembers of an idempotent producer. */
const inFlightMax = 5;
const recordsMax = 8;

interface SentBatch {
  readonly sequence: number;
  readonly count: number;
}

/** The producer's side of one partition. */
interface Lane {
  readonly partition: number;
  readonly told: (number | undefined)[];
  /** Sent and not answered, oldest first; sent again, as they were, after a reconnect. */
  readonly pending: SentBatch[];
  nextSequence: number;
}

export interface ProducerPlace {
  readonly topic: string;
  readonly partitions: number;
  /** After each answer; without it the next batch goes at once. */
  readonly restMs?: number;
  /** Called for each answered batch. */
  readonly onAnswer?: () => void;
}

/**
 * An idempotent producer over any number of connections: it keeps its id and sequences, and sends
 * what was not answered again before anything else, as Kafka's own producer does.
 */
export class LedgerProducer {
  readonly #number: number;
  readonly #place: ProducerPlace;
  readonly #lanes: Lane[];
  #id: { readonly producerId: number; readonly producerEpoch: number } | undefined;
  #client: RawClient | undefined;
  #isDraining = false;
  #acknowledgedCount = 0;

  constructor(number: number, place: ProducerPlace) {
    this.#number = number;
    this.#place = place;
    this.#lanes = Array.from({ length: place.partitions }, (_, partition) => ({
      partition,
      told: [],
      pending: [],
      nextSequence: 0,
    }));
  }

  /** Batches acknowledged so far. */
  get acknowledgedCount(): number {
    return this.#acknowledgedCount;
  }

  /** Nothing is to be sent again. */
  get isAllAnswered(): boolean {
    return this.#lanes.every(({ pending }) => pending.length === 0);
  }

  /** This producer's part of the ledger. */
  get acknowledged(): [string, readonly (number | undefined)[]][] {
    return this.#lanes.map((lane) => [ledgerKey(this.#number, lane.partition), lane.told]);
  }

  /**
   * Sends until the connection breaks, or until `drain` was called and all is answered. Throws
   * what the broker refused; a broken connection is no error here.
   */
  async run(port: number, host?: string): Promise<void> {
    this.#isDraining = false;
    try {
      const client = await RawClient.open(port, host);
      this.#client = client;
      this.#id ??= await client.initProducerId();
      await Promise.all(this.#lanes.map((lane) => this.#runLane(lane, client)));
    } catch (error) {
      if (error instanceof XylemError || error instanceof RangeError) throw error;
    } finally {
      this.#client?.close();
    }
  }

  /** Lets what is under way be answered and sends nothing further. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Breaks the connection: `run` ends. */
  disconnect(): void {
    this.#client?.close();
  }

  async #runLane(lane: Lane, client: RawClient): Promise<void> {
    const answers = lane.pending.map((batch) => this.#send(lane, batch, client));
    for (;;) {
      while (!this.#isDraining && lane.pending.length < inFlightMax) {
        answers.push(this.#send(lane, this.#nextBatch(lane), client));
      }
      const oldest = answers.shift();
      if (oldest === undefined) return;
      const { errorCode, baseOffset } = await oldest;
      if (errorCode !== 0) throw refused(errorCode, lane);
      this.#acknowledge(lane, Number(baseOffset));
      if (this.#place.restMs !== undefined) await sleep(this.#place.restMs);
    }
  }

  #nextBatch(lane: Lane): SentBatch {
    const count = 1 + (lane.nextSequence % recordsMax);
    const batch = { sequence: lane.nextSequence, count };
    lane.nextSequence += count;
    lane.pending.push(batch);
    return batch;
  }

  #send(lane: Lane, { sequence, count }: SentBatch, client: RawClient) {
    const stamps = Array.from({ length: count }, (_, index) => ({
      value: formatStamp({ producer: this.#number, sequence: sequence + index }),
    }));
    const batch = batchOf(stamps, { ...this.#id, baseSequence: sequence });
    const answer = client.produce([this.#place.topic, lane.partition], batch);
    // Answers behind a broken one are never awaited.
    answer.catch(() => undefined);
    return answer;
  }

  #acknowledge(lane: Lane, baseOffset: number): void {
    const batch = lane.pending.shift();
    if (batch === undefined || baseOffset < 0) throw new RangeError(`answer at ${baseOffset}`);
    for (let index = 0; index < batch.count; index += 1) {
      lane.told[batch.sequence + index] = baseOffset + index;
    }
    this.#acknowledgedCount += 1;
    this.#place.onAnswer?.();
  }
}

const retriable = new Set([3, 5, 6, 7, 19, 20, 56]);

/** A refusal that an idempotent producer may not meet is a defect; others just end the run. */
function refused(errorCode: number, lane: Lane): Error {
  if (retriable.has(errorCode)) return new Error(`retriable error ${errorCode}`);
  const first = lane.pending[0]?.sequence;
  return new RangeError(`partition ${lane.partition}, sequence ${first}: error ${errorCode}`);
}
