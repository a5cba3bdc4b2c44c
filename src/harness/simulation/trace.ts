import type { Log, LogFields } from "../../base/log.ts";

const hashStart = 0x811c9dc5;
const hashPrime = 0x01000193;

/** What happened in a run, as its last lines and one number: equal runs have equal numbers. */
export class Trace {
  readonly #nowMs: () => number;
  readonly #lines: string[] = [];
  #hash = hashStart;
  count = 0;

  readonly #linesMax: number;

  constructor(nowMs: () => number, linesMax: number) {
    this.#nowMs = nowMs;
    this.#linesMax = linesMax;
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(8, "0");
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Counts for the hash only. */
  mix(text: string): void {
    this.count += 1;
    let hash = this.#hash;
    for (let at = 0; at < text.length; at += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(at), hashPrime);
    }
    this.#hash = hash >>> 0;
  }

  add(who: string, what: string): void {
    this.mix(what);
    const at = (this.#nowMs() / 1_000).toFixed(4).padStart(9);
    this.#lines.push(`${at}  ${who.padEnd(10)}  ${what}`);
    if (this.#lines.length > this.#linesMax) this.#lines.shift();
  }

  /** A broker's own log as part of the trace. */
  log(onError: (message: string) => void, who = "broker"): Log {
    const take =
      (level: string): Log["info"] =>
      (message, fields = {}) => {
        const text = `${level} ${message} ${show(fields)}`;
        this.add(who, text);
        if (level === "error") onError(text);
      };
    return { debug: () => {}, info: take("info"), warn: take("warn"), error: take("error") };
  }
}

function show(fields: LogFields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(" ");
}
