import { XylemError } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { compression } from "../../../codecs/node-compression.ts";
import { crc32c } from "../../../codecs/native-crc32c.ts";
import { type BatchOptions, buildBatch } from "../../../protocol/build-batch.ts";
import { codecs } from "../../../protocol/compression.ts";
import { drawBetween, drawOf, drawOneIn } from "../../../simulation/draw.ts";
import { errorName } from "../error-name.ts";
import { type Client, NoAnswer } from "../simulated-client.ts";
import { recordOf } from "../stamps.ts";
import { keyOf, type Target, type World } from "../world.ts";

export interface ProducerOptions {
  readonly name: string;
  readonly isIdempotent: boolean;
  readonly acks: -1 | 0 | 1;
  /** An acknowledgement of the head is not one of all: there are others in the chain. */
  readonly isOfHeadAlone?: boolean;
  /** Batches that are sent before the first is answered. */
  readonly inFlight: number;
  readonly pauseMsMax: number;
}

interface Batch {
  readonly stamps: readonly string[];
  readonly timestampMs: number;
  readonly sequence: number;
  readonly codec: (typeof codecs)[number];
}

/** How a send ended: stored at an offset, or the name of what went wrong. */
type Outcome =
  | { readonly baseOffset: number; readonly askedAt: number }
  | { readonly error: string };

const recordsMax = 5;
const sizesBytes = [0, 10, 100, 400, 2_000];
/** As Kafka's delivery.timeout.ms: then the client gives up on a batch. */
const deliveryMsMax = 120_000;
const tryAgainMs = 400;
const noProducer = { id: -1n as number | bigint, epoch: -1 };

const retriable = new Set([
  "no answer",
  "KAFKA_STORAGE_ERROR",
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "REQUEST_TIMED_OUT",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNKNOWN_TOPIC_ID",
  "COORDINATOR_LOAD_IN_PROGRESS",
]);

/** Errors with which the broker says for good that it holds nothing of a batch. */
const final = new Set([
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
]);

/** A producer: an idempotent one repeats a batch until it is stored, a plain one never does. */
export class Producer {
  readonly #world: World;
  readonly #options: ProducerOptions;
  readonly #random: Random;
  readonly #client: Client;
  readonly #sequences = new Map<string, number>();
  #producer = noProducer;
  #count = 0;

  constructor(world: World, options: ProducerOptions) {
    this.#world = world;
    this.#options = options;
    this.#random = world.fork(options.name);
    this.#client = world.client(options.name);
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, 1, this.#options.pauseMsMax));
      const topics = this.#world.liveTopics();
      if (topics.length === 0) continue;
      const topic = drawOf(this.#random, topics);
      await this.#send({ topic, index: drawBetween(this.#random, 0, topic.partitions - 1) });
    }
    this.#client.close();
  }

  async #send(target: Target): Promise<void> {
    if (this.#options.isIdempotent && this.#producer.id === -1n) {
      await this.#register();
      if (this.#producer.id === -1n) return;
    }
    const count = drawBetween(this.#random, 1, this.#options.inFlight);
    const batches = Array.from({ length: count }, () => this.#make(target));
    for (const { stamps } of batches) {
      const { isIdempotent } = this.#options;
      this.#world.record({ kind: "sent", partition: keyOf(target), stamps, isIdempotent });
    }
    const outcomes = await Promise.all(batches.map((batch) => this.#try(target, batch)));
    for (const [at, batch] of batches.entries()) {
      let outcome = outcomes[at] as Outcome;
      if (this.#options.isIdempotent) outcome = await this.#insist(target, batch, outcome);
      if (!this.#settle(target, batch, outcome)) return;
    }
  }

  /** A producer id; until there is one nothing is sent. */
  async #register(): Promise<void> {
    while (!this.#world.isEnding) {
      const body = { transactionalId: null, transactionTimeoutMs: 60_000 };
      try {
        const answer = await this.#world.ask(this.#client, "InitProducerId", 4, body);
        if (answer.errorCode === 0) {
          this.#producer = { id: answer.producerId, epoch: answer.producerEpoch };
          this.#sequences.clear();
          return;
        }
        this.#answered("InitProducerId", errorName(answer.errorCode));
      } catch (error) {
        expectNoAnswer(error);
      }
      await this.#world.sleep(tryAgainMs);
    }
  }

  #make(target: Target): Batch {
    const random = this.#random;
    const count = drawBetween(random, 1, recordsMax);
    const stamps = Array.from({ length: count }, () => {
      this.#count += 1;
      const isTombstone = drawOneIn(random, target.topic.rules.isCompacted ? 4 : 20);
      const size = isTombstone ? "x" : drawOf(random, sizesBytes);
      return `${this.#options.name}/${this.#count}/${size}`;
    });
    const key = keyOf(target);
    const sequence = this.#sequences.get(key) ?? 0;
    this.#sequences.set(key, sequence + count);
    const codec = drawOneIn(random, 6) ? drawOf(random, codecs) : "none";
    return { stamps, timestampMs: this.#world.clock.nowMs(), sequence, codec };
  }

  async #try({ topic, index }: Target, batch: Batch): Promise<Outcome> {
    const records = this.#encode(batch);
    const topicData = [{ topicId: topic.id, partitionData: [{ index, records }] }];
    const { acks } = this.#options;
    const askedAt = this.#world.history.length;
    const body = { transactionalId: null, acks, timeoutMs: 8_000, topicData };
    try {
      const answer = await this.#world.ask(this.#client, "Produce", 13, body);
      const part = answer.responses[0]?.partitionResponses[0];
      if (part === undefined) return { error: "an empty answer" };
      if (part.errorCode === 0) return { baseOffset: Number(part.baseOffset), askedAt };
      this.#answered("Produce", errorName(part.errorCode));
      return { error: errorName(part.errorCode) };
    } catch (error) {
      expectNoAnswer(error);
      return { error: "no answer" };
    }
  }

  #encode(batch: Batch): Uint8Array {
    const inputs = batch.stamps.map((stamp) => ({
      ...recordOf(stamp),
      timestampMs: batch.timestampMs,
    }));
    const { id, epoch } = this.#producer;
    const sequence = this.#options.isIdempotent
      ? { producerId: id, producerEpoch: epoch, baseSequence: batch.sequence }
      : {};
    const options: BatchOptions = { codec: batch.codec, ...sequence };
    return buildBatch(inputs, options, { crc32c, compression });
  }

  async #insist(target: Target, batch: Batch, first: Outcome): Promise<Outcome> {
    const deadlineMs = this.#world.clock.monotonicMs() + deliveryMsMax;
    let outcome = first;
    while ("error" in outcome && this.#maySolve(outcome.error)) {
      if (this.#world.clock.monotonicMs() > deadlineMs || target.topic.isGoing) break;
      await this.#world.sleep(tryAgainMs);
      outcome = await this.#try(target, batch);
    }
    return outcome;
  }

  /** A batch behind one that was not stored is out of order until that one is. */
  #maySolve(error: string): boolean {
    return retriable.has(error);
  }

  /** Answers whether the batches behind it may go on. */
  #settle(target: Target, batch: Batch, outcome: Outcome): boolean {
    const partition = keyOf(target);
    const { stamps } = batch;
    if ("baseOffset" in outcome) {
      const { baseOffset, askedAt } = outcome;
      const { isOfHeadAlone = false } = this.#options;
      this.#world.record({
        kind: "acked",
        partition,
        baseOffset,
        stamps,
        askedAt,
        ...(isOfHeadAlone && { isOfHeadAlone }),
      });
      this.#world.tell(this.#options.name, `${show(target)}@${baseOffset} ${stamps.join(" ")}`);
      return true;
    }
    const { error } = outcome;
    this.#world.tell(this.#options.name, `${show(target)} ${error}: ${stamps.join(" ")}`);
    if (final.has(error)) this.#world.record({ kind: "refused", partition, stamps, error });
    if (!this.#options.isIdempotent) return true;
    // What became of it is not known: its numbers can not be used again.
    this.#producer = noProducer;
    return false;
  }

  #answered(api: string, error: string): void {
    this.#world.record({ kind: "answer", api, error });
  }
}

function show({ topic, index }: Target): string {
  return `${topic.name}-${index}`;
}

/** Anything else is a defect of the harness or of a codec. */
export function expectNoAnswer(error: unknown): void {
  if (error instanceof NoAnswer || error instanceof XylemError) return;
  throw error;
}
