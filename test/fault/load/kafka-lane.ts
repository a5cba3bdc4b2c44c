import { setTimeout as sleep } from "node:timers/promises";
import type { Kafka, Producer } from "kafkajs";
import { formatStamp } from "../../../src/cli/torture/record-stamp.ts";
import type { Gate } from "./gate.ts";
import type { Lane } from "./lane.ts";

const recordsMax = 5;
const restMs = 20;
/** Out of order, an epoch that is not ours, an unknown producer, a server that fell over. */
const neverMet = new Set([45, 47, 59, -1]);

interface LaneOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly partition: number;
  readonly writer: number;
}

/** An idempotent kafkajs producer on one partition; what was not answered it sends again. */
export class KafkaLane implements Lane {
  readonly client = "kafkajs";
  readonly topic: string;
  readonly partition: number;
  readonly #writer: number;
  readonly #told: (number | undefined)[] = [];
  readonly answeredMs: number[] = [];
  readonly complaints: string[] = [];
  readonly #producer: Producer;

  constructor({ kafka, topic, partition, writer }: LaneOptions) {
    this.topic = topic;
    this.partition = partition;
    this.#writer = writer;
    this.#producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  }

  get ledgers() {
    return new Map([[this.#writer, this.#told]]);
  }

  async run(gate: Gate): Promise<void> {
    await this.#producer.connect();
    while (await gate.pass(this)) {
      const count = 1 + (this.#told.length % recordsMax);
      if (!(await this.#send(count, gate))) break;
      await sleep(restMs);
    }
    await this.#producer.disconnect();
  }

  /** Answers whether the producer may go on. */
  async #send(count: number, gate: Gate): Promise<boolean> {
    const first = this.#told.length;
    const messages = Array.from({ length: count }, (_, index) => ({
      value: Buffer.from(formatStamp({ producer: this.#writer, sequence: first + index })),
      partition: this.partition,
    }));
    for (;;) {
      try {
        const [answer] = await this.#producer.send({ topic: this.topic, acks: -1, messages });
        const base = Number(answer?.baseOffset);
        for (let index = 0; index < count; index += 1) this.#told.push(base + index);
        this.answeredMs.push(performance.now());
        return true;
      } catch (error) {
        const { code, message } = error as { code?: number; message: string };
        if (code !== undefined && neverMet.has(code)) {
          this.complaints.push(`${this.topic}-${this.partition} at ${first}: ${message}`);
          return false;
        }
        if (gate.isEnded) return false;
        await sleep(restMs);
      }
    }
  }
}
