import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { ShownRecord } from "../record-format.ts";
import { callHttp } from "./call-http.ts";
import { parseShown } from "./parse-shown.ts";
import type { ReadingOptions } from "./record-reader.ts";
import { splitRecords } from "./split-records.ts";

const recordsPerFetch = 500;
const wait = "20s";
/** Without --follow a member ends when nothing came for this long. */
const idleWait = "3s";

/** Reads as a member of a group over HTTP, and acknowledges what was taken. */
export async function* readAsHttpMember(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  if (options.filter.length > 0) {
    throw new CommandFailure("a group over http takes no filter", exitCodes.usage);
  }
  const member = new HttpMember(options);
  try {
    while (!signal.aborted) {
      const records = await member.fetch(signal);
      if (records.length === 0 && !options.isLive) return;
      for (const record of records) {
        member.take(record);
        yield record;
      }
      await member.acknowledge();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await member.leave();
  }
}

class HttpMember {
  readonly #options: ReadingOptions;
  readonly #path: string;
  /** The next offset by partition, of what was taken since the last acknowledgement. */
  readonly #taken = new Map<number, number>();
  #name: string | undefined;

  constructor(options: ReadingOptions) {
    this.#options = options;
    this.#path = `/v1/groups/${encodeURIComponent(options.group ?? "")}`;
  }

  async fetch(signal: AbortSignal): Promise<ShownRecord[]> {
    const { topic, from, isLive } = this.#options;
    const asked = {
      topics: [topic],
      ...(this.#name !== undefined && { member: this.#name }),
      max: recordsPerFetch,
      reset: from === "latest" ? "latest" : "earliest",
      wait: isLive ? wait : idleWait,
    };
    const text = await this.#post("fetch", asked, signal);
    this.#name = (JSON.parse(text) as { member: string }).member;
    return splitRecords(text).map(parseShown);
  }

  take({ partition, offset }: ShownRecord): void {
    this.#taken.set(partition, Number(offset) + 1);
  }

  async acknowledge(): Promise<void> {
    if (this.#taken.size === 0) return;
    const { topic } = this.#options;
    const offsets = [...this.#taken].map(([partition, offset]) => ({ topic, partition, offset }));
    this.#taken.clear();
    await this.#post("ack", { member: this.#name, offsets });
  }

  /** Acknowledges what is left, then gives its partitions up. */
  async leave(): Promise<void> {
    if (this.#name === undefined) return;
    await this.acknowledge();
    await this.#post("leave", { member: this.#name });
  }

  async #post(call: string, body: object, signal?: AbortSignal): Promise<string> {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body), ...(signal && { signal }) };
    return await (await callHttp(this.#options, `${this.#path}/${call}`, init)).text();
  }
}
