import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { formatStamp } from "../../../src/cli/torture/record-stamp.ts";
import type { Gate } from "./gate.ts";
import type { Lane } from "./lane.ts";

const restMs = 30;
const answerWithinMs = 4_000;

/** Appends over HTTP, each at another node; an unclear outcome is asked again under its key. */
export class HttpLane implements Lane {
  readonly client = "HTTP";
  readonly topic: string;
  readonly partition = 0;
  readonly #writer: number;
  readonly #told: (number | undefined)[] = [];
  readonly answeredMs: number[] = [];
  readonly complaints: string[] = [];
  readonly #urls: readonly string[];
  readonly #run = randomUUID();
  #turn = 0;

  constructor(options: { topic: string; writer: number; urls: readonly string[] }) {
    this.topic = options.topic;
    this.#writer = options.writer;
    this.#urls = options.urls;
  }

  get ledgers() {
    return new Map([[this.#writer, this.#told]]);
  }

  async run(gate: Gate): Promise<void> {
    while (await gate.pass(this)) {
      const offset = await this.#append(this.#told.length);
      if (offset !== undefined) {
        this.#told.push(offset);
        this.answeredMs.push(performance.now());
      }
      await sleep(restMs);
    }
  }

  async #append(sequence: number): Promise<number | undefined> {
    const url = this.#urls[(this.#turn += 1) % this.#urls.length];
    try {
      const response = await fetch(`${url}/topics/${this.topic}/records`, {
        method: "POST",
        headers: {
          "content-type": "text/plain",
          "idempotency-key": `${this.#run}/${sequence}`,
        },
        body: Buffer.from(formatStamp({ producer: this.#writer, sequence })),
        signal: AbortSignal.timeout(answerWithinMs),
      });
      const text = await response.text();
      if (response.ok) return this.#offsetIn(text);
      if (response.status < 500 && ![404, 409, 421, 429].includes(response.status)) {
        this.complaints.push(`${this.topic}: append ${sequence} answered ${text.slice(0, 300)}`);
      }
    } catch {
      // Nobody knows: it is asked again.
    }
    return undefined;
  }

  #offsetIn(text: string): number | undefined {
    const answer = JSON.parse(text) as { records: readonly { offset: number }[] };
    const offset = answer.records[0]?.offset;
    if (typeof offset !== "number") this.complaints.push(`${this.topic}: no offset in ${text}`);
    return offset;
  }
}
