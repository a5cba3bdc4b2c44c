import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { ConsulRefusal, isPassing, toCoordinatorError } from "./consul-failure.ts";

export interface ConsulAgentsOptions {
  /** At least one; agents of one datacenter. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** One of them was left for another. */
  readonly onLeft?: () => void;
}

/** One agent. */
export interface ConsulAgent {
  readonly url: string;
  /** Aborts when it is none of those to be asked any more. */
  readonly gone: AbortSignal;
}

interface KnownAgent extends ConsulAgent {
  readonly end: () => void;
}

export interface ConsulRequest {
  /** Below `/v1/`. */
  readonly path: string;
  /** Sent with PUT; without it the request is a GET. */
  readonly body?: unknown;
  /** Answers beside 200 that are no failure. */
  readonly alsoTaken?: readonly number[];
}

export interface ConsulAnswer {
  readonly status: number;
  /** When the request was sent, by the monotonic clock. */
  readonly sentMs: number;
  /** X-Consul-Index: up to which change of Consul's the answer goes. 0: it does not say. */
  readonly index: number;
  /** What the JSON of the body says; undefined where there is none. */
  readonly body: unknown;
}

/** Until a call has failed for good. */
const callMsMax = 10_000;
/** Until one agent is given up for another in the same call: longer each time. */
const attemptMsMin = 1_000;
const attemptMsMax = 3_000;
/** Between rounds over all agents that failed; doubled each time. */
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** The largest answer taken: all entries of a cluster. */
const answerBytesMax = 256 * 1024 * 1024;

/**
 * The agents of Consul that are known, one of them in use; a request that fails moves on to the
 * next. Each request is given up after a time of its own, and its connection with it.
 */
export class ConsulAgents {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onLeft: () => void;
  readonly #closing = new AbortController();
  /** Left, and not heard of since: said once. */
  readonly #silent = new Set<string>();
  #agents: readonly KnownAgent[];
  #index = 0;

  constructor({ urls, clock, log, onLeft = () => {} }: ConsulAgentsOptions) {
    this.#agents = [...new Set(urls)].map(agentAt);
    this.#clock = clock;
    this.#log = log;
    this.#onLeft = onLeft;
  }

  /**
   * Others from now on, at least one. The one in use stays in use if it is among them; what one is
   * asked that is not ends, and goes on elsewhere.
   */
  replace(urls: readonly string[]): void {
    assert(urls.length > 0, "Consul has an agent");
    const before = this.#agents;
    const { url: inUse } = this.at();
    const known = new Map(before.map((agent) => [agent.url, agent]));
    this.#agents = [...new Set(urls)].map((url) => known.get(url) ?? agentAt(url));
    const index = this.#agents.findIndex(({ url }) => url === inUse);
    this.#index = Math.max(0, index);
    for (const agent of before) {
      if (this.#agents.includes(agent)) continue;
      this.#silent.delete(agent.url);
      agent.end();
    }
  }

  /** The one in use, or with a count those after it. */
  at(count = 0): ConsulAgent {
    return this.#agents[(this.#index + count) % this.#agents.length] as ConsulAgent;
  }

  /** Aborts when the coordinator closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Uses the next agent from now on. */
  leave(agent: ConsulAgent, why: unknown): void {
    if (this.at() !== agent || this.#closing.signal.aborted) return;
    this.#index = (this.#index + 1) % this.#agents.length;
    this.#onLeft();
    const { url } = agent;
    if (this.#silent.has(url)) return;
    this.#silent.add(url);
    const reason = why instanceof Error ? why.message : String(why);
    this.#log.warn("left a Consul agent", { agent: url, why: reason });
  }

  /**
   * Asks one agent after the other until one answers. Only for what may be applied twice.
   * Rejects with REQUEST_TIMED_OUT after 10 s, with what Consul says when it refuses.
   */
  async ask(what: string, request: ConsulRequest): Promise<ConsulAnswer> {
    const deadlineMs = this.#clock.monotonicMs() + callMsMax;
    let pauseMs = pauseMsMin;
    for (let tried = 1; ; tried += 1) {
      const agent = this.at();
      const leftMs = deadlineMs - this.#clock.monotonicMs();
      try {
        const timeoutMs = Math.min(leftMs, attemptMsMin * tried, attemptMsMax);
        return await this.attempt(agent, request, { timeoutMs });
      } catch (error) {
        this.checkOpen();
        if (!isPassing(error)) throw toCoordinatorError(error, what);
        this.leave(agent, error);
        const isRound = tried % this.#agents.length === 0;
        if (deadlineMs - this.#clock.monotonicMs() <= (isRound ? pauseMs : 0)) {
          const urls = this.#agents.map(({ url }) => url).join(", ");
          const detail = `${what}: no answer from Consul (${urls})`;
          throw new XylemError("REQUEST_TIMED_OUT", detail, { cause: error });
        }
        if (isRound) await this.pause(pauseMs);
        if (isRound) pauseMs = Math.min(pauseMs * 2, pauseMsMax);
      }
    }
  }

  /** One request. Rejects when there is no answer in time, or one that is no success. */
  async attempt(
    agent: ConsulAgent,
    { path, body, alsoTaken = [] }: ConsulRequest,
    { timeoutMs, stop }: { readonly timeoutMs: number; readonly stop?: AbortSignal },
  ): Promise<ConsulAnswer> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const cancel = this.#clock.schedule(Math.max(1, timeoutMs), () => {
      ending.abort(new Error(`${agent.url} did not answer within ${Math.ceil(timeoutMs)} ms`));
    });
    const signals = [this.closing, agent.gone, ...(stop === undefined ? [] : [stop])];
    for (const signal of signals) {
      if (signal.aborted) end();
      else signal.addEventListener("abort", end);
    }
    const sentMs = this.#clock.monotonicMs();
    try {
      const response = await fetch(`${agent.url}/v1/${path}`, {
        signal: ending.signal,
        redirect: "error",
        ...(body === undefined ? {} : { method: "PUT", body: JSON.stringify(body) }),
      });
      const text = await readText(response);
      const { status } = response;
      const isTaken = status === 200 || alsoTaken.includes(status);
      if (!isTaken) throw new ConsulRefusal(status, text);
      this.#hear(agent);
      const index = Number(response.headers.get("x-consul-index") ?? 0);
      const isNumber = Number.isSafeInteger(index);
      return { status, sentMs, index: isNumber ? index : 0, body: parse(text) };
    } catch (error) {
      throw ending.signal.aborted ? (ending.signal.reason ?? error) : error;
    } finally {
      cancel();
      for (const signal of signals) signal.removeEventListener("abort", end);
    }
  }

  /** Throws BROKER_NOT_AVAILABLE once it is closed. */
  checkOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new XylemError("BROKER_NOT_AVAILABLE", "The coordinator's client is closed");
  }

  /** Ends early when the coordinator closes. */
  pause(durationMs: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#clock.schedule(durationMs, done);
      if (signal.aborted) done();
      else signal.addEventListener("abort", done);
    });
  }

  close(): void {
    this.#closing.abort();
  }

  #hear({ url }: ConsulAgent): void {
    if (this.#silent.delete(url)) this.#log.info("a Consul agent answers again", { agent: url });
  }
}

function agentAt(url: string): KnownAgent {
  const ending = new AbortController();
  return { url, gone: ending.signal, end: () => ending.abort() };
}

async function readText({ body }: Response): Promise<string> {
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > answerBytesMax) throw new ConsulRefusal(200, "an answer that is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Some answers are JSON, others a sentence. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
