import { Backoff, delay } from "./backoff.ts";
import type { NodeAddress } from "./node-address.ts";
import {
  connectionFailed,
  isPassing,
  timedOut,
  toAnswerError,
  XylemClientError,
} from "./xylem-client-error.ts";

/** What a query parameter may be; undefined: it is left out. */
export type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface CallOptions {
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string;
  /** Time that the node itself is asked to wait: no silence counts before it is over. */
  readonly waitMs?: number | undefined;
  /** A second time does no harm: it is tried again when that may help. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface CallSettings {
  readonly address: NodeAddress;
  readonly timeoutMs: number;
  readonly retriesMax: number;
  readonly fetch: typeof fetch;
}

/** Of answers by a node of a cluster. */
const nodeHeader = "xylem-node";

const backoffLimits = { initialMs: 100, mostMs: 2_000 };

/** One node's HTTP door: every call throws XylemClientError, or the reason of its signal. */
export class NodeCalls {
  readonly settings: CallSettings;

  constructor(settings: CallSettings) {
    this.settings = settings;
  }

  async json<Answer>(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return (await this.call(method, path, options, readJson)) as Answer;
  }

  async text(method: string, path: string, options: CallOptions = {}): Promise<string> {
    return await this.call(method, path, options, (response) => response.text());
  }

  /** `read` takes the answer's body within the time of the call. */
  async call<Answer>(
    method: string,
    path: string,
    options: CallOptions,
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    const backoff = new Backoff(backoffLimits);
    for (let retries = 0; ; retries += 1) {
      try {
        return await this.#attempt(method, path, options, read);
      } catch (error) {
        const mayRepeat = options.isRepeatable === true && retries < this.settings.retriesMax;
        if (!mayRepeat || !isWorthAnother(error)) throw error;
        await delay(Math.max(backoff.next(), error.retryAfterMs), options.signal);
      }
    }
  }

  /** An answer whose body goes on; only its beginning has a time limit. */
  async open(path: string, options: CallOptions & { signal: AbortSignal }): Promise<Response> {
    const { timeoutMs } = this.settings;
    const opening = new AbortController();
    const timer = setTimeout(() => opening.abort(timedOut(timeoutMs)), timeoutMs);
    const signal = AbortSignal.any([options.signal, opening.signal]);
    try {
      const response = await this.#fetch("GET", path, { ...options, signal });
      if (!response.ok) throw await toAnswerError(response);
      return response;
    } catch (error) {
      throw toCallError(error, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #attempt<Answer>(
    method: string,
    path: string,
    options: CallOptions,
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    const timeoutMs = this.settings.timeoutMs + (options.waitMs ?? 0);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(timedOut(timeoutMs)), timeoutMs);
    const given = options.signal;
    const signal = given === undefined ? limit.signal : AbortSignal.any([given, limit.signal]);
    try {
      const response = await this.#fetch(method, path, { ...options, signal });
      if (!response.ok) throw await toAnswerError(response);
      return await read(response);
    } catch (error) {
      throw toCallError(error, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #fetch(
    method: string,
    path: string,
    options: CallOptions & { readonly signal: AbortSignal },
  ): Promise<Response> {
    const { query = {}, headers = {}, json, body, signal } = options;
    const content = json === undefined ? body : JSON.stringify(json);
    const { address } = this.settings;
    const url = await orAborted(address.current(), signal);
    try {
      const response = await this.settings.fetch(`${url}${path}${formatQuery(query)}`, {
        method,
        headers: { ...(json !== undefined && { "content-type": "application/json" }), ...headers },
        ...(content !== undefined && { body: content }),
        cache: "no-store",
        signal,
      });
      if (response.status === 503) address.leave(url);
      else if (response.headers.has(nodeHeader)) address.answered?.(url);
      return response;
    } catch (error) {
      // What the caller ends says nothing of the node.
      if (!signal.aborted || signal.reason instanceof XylemClientError) address.leave(url);
      throw error;
    }
  }
}

/** A name as one part of a path. */
export function part(name: string | number): string {
  return encodeURIComponent(name);
}

/** The answer has no body. */
export async function readNothing(response: Response): Promise<void> {
  await response.body?.cancel();
}

function readJson(response: Response): Promise<unknown> {
  return response.json();
}

function formatQuery(query: Readonly<Record<string, QueryValue>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    for (const one of values) if (one !== undefined) parameters.append(name, String(one));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

function orAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    value.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function isWorthAnother(error: unknown): error is XylemClientError {
  const isInFlight =
    error instanceof XylemClientError && error.code === "IDEMPOTENCY_KEY_IN_FLIGHT";
  return isInFlight || isPassing(error);
}

/** The signal's reason says more than how `fetch` failed. */
function toCallError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  return error instanceof XylemClientError ? error : connectionFailed(error);
}
