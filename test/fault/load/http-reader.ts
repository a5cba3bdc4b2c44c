import { setTimeout as sleep } from "node:timers/promises";
import type { SeenRecord } from "../checks/same-reading.ts";
import type { Gate } from "./gate.ts";
import type { OrderedReader } from "./lane.ts";

const restMs = 50;
const answerWithinMs = 4_000;

interface Page {
  readonly records: readonly { readonly offset: number; readonly value: string }[];
  readonly nextOffset: number;
}

/** Reads a partition over HTTP from its beginning on, page by page, each at another node. */
export class HttpReader implements OrderedReader {
  readonly client = "HTTP";
  readonly partition = 0;
  readonly restartCount = 0;
  readonly topic: string;
  readonly seen: SeenRecord[] = [];
  readonly #urls: readonly string[];
  #turn = 0;
  #nextOffset = 0;

  constructor(options: { topic: string; urls: readonly string[] }) {
    this.topic = options.topic;
    this.#urls = options.urls;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  async run(gate: Gate): Promise<void> {
    while (!gate.isEnded) {
      await this.#read();
      await sleep(restMs);
    }
  }

  async #read(): Promise<void> {
    const url = this.#urls[(this.#turn += 1) % this.#urls.length];
    const query = `offset=${this.#nextOffset}&limit=500`;
    const page = await fetch(`${url}/topics/${this.topic}/partitions/0/records?${query}`, {
      signal: AbortSignal.timeout(answerWithinMs),
    })
      .then((response) => (response.ok ? response.json() : undefined))
      .catch(() => undefined);
    if (page === undefined) return;
    const { records, nextOffset } = page as Page;
    for (const { offset, value } of records) this.seen.push({ offset, value: String(value) });
    this.#nextOffset = nextOffset;
  }
}
