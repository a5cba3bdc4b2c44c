import { setTimeout as sleep } from "node:timers/promises";
import { formatStamp } from "../../../src/cli/torture/record-stamp.ts";
import type { Child } from "../../support/child-process.ts";
import { startJavaLoad } from "../../support/java-tools.ts";
import { javaProducer } from "./client-settings.ts";
import type { Gate } from "./gate.ts";
import type { Lane } from "./lane.ts";

const restMs = 40;
const recordsPerTurn = 2;
const unansweredMax = 2_000;

/** One of Kafka's own producers, idempotent, for all partitions of a topic and the whole run. */
export class JavaProducer {
  readonly topic: string;
  readonly #child: Child;
  readonly #lanes = new Map<number, JavaLane>();

  private constructor(topic: string, child: Child) {
    this.topic = topic;
    this.#child = child;
    child.eachLine("stdout", (line) => {
      const [what = "", partition = "", ...more] = line.split("\t");
      this.#lanes.get(Number(partition))?.hear(what, more);
    });
  }

  static async start(bootstrap: string, topic: string): Promise<JavaProducer> {
    const settings = [`bootstrap.servers=${bootstrap}`, ...javaProducer];
    return new JavaProducer(topic, await startJavaLoad(["produce", topic, ...settings]));
  }

  get isRunning(): boolean {
    return this.#child.isRunning;
  }

  get lastWords(): string {
    return this.#child.stderr.slice(-500);
  }

  lane(partition: number, writer: number): Lane {
    const lane = new JavaLane(this, partition, writer);
    this.#lanes.set(partition, lane);
    return lane;
  }

  send(partition: number, sequence: number, value: Uint8Array): void {
    this.#child.write(`${partition}\t${sequence}\t${Buffer.from(value).toString()}\n`);
  }

  async end(): Promise<void> {
    await this.#child.end("SIGKILL");
  }
}

class JavaLane implements Lane {
  readonly client = "Java";
  readonly partition: number;
  readonly answeredMs: number[] = [];
  readonly complaints: string[] = [];
  readonly #told: (number | undefined)[] = [];
  readonly #producer: JavaProducer;
  readonly #writer: number;
  #sent = 0;
  /** A batch may be answered after one behind it, when it is only as it is sent again. */
  #answeredCount = 0;
  #isRefused = false;

  constructor(producer: JavaProducer, partition: number, writer: number) {
    this.#producer = producer;
    this.partition = partition;
    this.#writer = writer;
  }

  get topic(): string {
    return this.#producer.topic;
  }

  get ledgers() {
    return new Map([[this.#writer, this.#told]]);
  }

  /** An answer to what was sent: its sequence, and where it lies or why it does not. */
  hear(what: string, [sequence = "", answer = ""]: readonly string[]): void {
    if (what === "told") {
      this.#told[Number(sequence)] = Number(answer);
      this.#answeredCount += 1;
      this.answeredMs.push(performance.now());
    } else {
      this.#isRefused = true;
      this.#complain(`${sequence} ${what}: ${answer}`);
    }
  }

  async run(gate: Gate): Promise<void> {
    while (!this.#isRefused && this.#producer.isRunning) {
      if (!gate.isClosed) this.#sendSome();
      else if (gate.isEnded) break;
      else if (this.#answeredCount === this.#sent && !(await gate.pass(this))) break;
      await sleep(restMs);
    }
    if (!gate.isEnded) this.#complain(`gave up: ${this.#producer.lastWords}`);
    await this.#producer.end();
  }

  #sendSome(): void {
    for (let turn = 0; turn < recordsPerTurn; turn += 1) {
      if (this.#sent - this.#answeredCount >= unansweredMax) return;
      const value = formatStamp({ producer: this.#writer, sequence: this.#sent });
      this.#producer.send(this.partition, this.#sent, value);
      this.#sent += 1;
    }
  }

  #complain(what: string): void {
    this.complaints.push(`Java on ${this.topic}-${this.partition}: ${what}`);
  }
}
