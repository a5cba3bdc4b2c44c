import { setTimeout as sleep } from "node:timers/promises";
import { formatStamp } from "../../../src/cli/torture/record-stamp.ts";
import { Child } from "../../support/child-process.ts";
import { librdkafkaProducer, librdkafkaSettings } from "./client-settings.ts";
import type { Gate } from "./gate.ts";
import type { Lane } from "./lane.ts";

const restMs = 40;
const linesPerTurn = 2;
const unansweredMax = 2_000;
const endsWithinMs = 30_000;
const answer = /Message delivered to partition \d+ \(offset (\d+)\)/;
const refusal = /FATAL|Delivery failed/;

interface KcatLaneOptions {
  readonly bootstrap: string;
  readonly topic: string;
  readonly partition: number;
  /** The number of a writer that nobody else has. */
  readonly nextWriter: () => number;
}

/**
 * kcat with librdkafka's idempotent producer, fed line by line. It tells of answers only while it
 * is fed or ends; so one process lives from one rest to the next, through a whole strike.
 */
export class KcatLane implements Lane {
  readonly client = "kcat";
  readonly topic: string;
  readonly partition: number;
  readonly ledgers = new Map<number, number[]>();
  readonly answeredMs: number[] = [];
  readonly complaints: string[] = [];
  readonly #options: KcatLaneOptions;

  constructor(options: KcatLaneOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.partition = options.partition;
  }

  async run(gate: Gate): Promise<void> {
    while (await gate.pass(this)) await this.#runOne(gate);
  }

  /** Until the gate closes and all is answered, or kcat gives up. */
  async #runOne(gate: Gate): Promise<void> {
    const writer = this.#options.nextWriter();
    const told: number[] = [];
    this.ledgers.set(writer, told);
    const child = this.#start(told);
    let sent = 0;
    while (!gate.isClosed && child.isRunning) {
      for (let line = 0; line < linesPerTurn && sent - told.length < unansweredMax; line += 1) {
        const stamp = formatStamp({ producer: writer, sequence: sent });
        child.write(`${Buffer.from(stamp).toString()}\n`);
        sent += 1;
      }
      await sleep(restMs);
    }
    child.endInput();
    const name = `kcat on ${this.topic}-${this.partition}`;
    const ended = await child.outcome(endsWithinMs).catch((error: Error) => {
      this.complaints.push(`${name}: ${error.message.slice(0, 500)}`);
    });
    if (ended === undefined || gate.isEnded || (ended.code === 0 && told.length === sent)) return;
    const figures = `${told.length} of ${sent} answered, code ${ended.code}`;
    this.complaints.push(`${name}: ${figures}: ${ended.stderr.slice(-500)}`);
  }

  /** The first is enough: others are its consequence. */
  #start(told: number[]): Child {
    const { bootstrap, topic, partition } = this.#options;
    const place = ["-P", "-b", bootstrap, "-t", topic, "-p", String(partition), "-vvv", "-E"];
    const settings = [...librdkafkaSettings, ...librdkafkaProducer].flatMap((one) => ["-X", one]);
    const child = new Child("kcat", [...place, ...settings]);
    let isRefused = false;
    child.eachLine("stderr", (line) => {
      const offset = answer.exec(line)?.[1];
      if (offset !== undefined) {
        noteInOrder(told, Number(offset));
        this.answeredMs.push(performance.now());
      } else if (!isRefused && refusal.test(line)) {
        isRefused = true;
        this.complaints.push(`kcat on ${topic}-${partition}: ${line}`);
      }
    });
    return child;
  }
}

/**
 * Records lie in the order in which they were sent, which the stored ones show; answers may come in
 * another one, when a batch that was appended is answered only as it is sent again.
 */
function noteInOrder(told: number[], offset: number): void {
  let at = told.length;
  while (at > 0 && (told[at - 1] ?? 0) > offset) at -= 1;
  told.splice(at, 0, offset);
}
