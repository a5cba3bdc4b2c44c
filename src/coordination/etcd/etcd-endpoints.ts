import { createClient, type CallOptions, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect as connectSocket, type Socket } from "node:net";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { isPassing, toCoordinatorError } from "./etcd-failure.ts";
import { KV, Lease, Watch } from "./generated/etcd/etcd_pb.ts";

export interface EtcdEndpointsOptions {
  /** At least one; any member of one etcd cluster. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** One of them was left for another. */
  readonly onLeft?: () => void;
}

/** One member of etcd, over one connection. */
export interface EtcdEndpoint {
  readonly url: string;
  readonly kv: Client<typeof KV>;
  readonly lease: Client<typeof Lease>;
  readonly watch: Client<typeof Watch>;
}

/** Until a call has failed for good. */
export const callMsMax = 10_000;
/**
 * Until one endpoint is given up for another in the same call: longer each time. A member whose
 * leader died takes calls that are lost, until it notices.
 */
const attemptMsMin = 1_000;
const attemptMsMax = 3_000;
/** A little above the 5 s that etcd demands between PINGs of a client. */
const pingIntervalMs = 5_500;
const pingTimeoutMs = 1_500;
/** Between rounds over all endpoints that failed; doubled each time. */
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** The largest answer taken: a page of entries or the changes of a reconnect. */
const answerBytesMax = 256 * 1024 * 1024;

interface Connection extends EtcdEndpoint {
  readonly sockets: ReadonlySet<Socket>;
}

/**
 * The members of etcd that are known, one of them in use. A connection that does not carry its
 * PINGs is closed with all that runs on it; what fails moves on to the next endpoint. Calls demand
 * that the member has a leader: one that is cut off refuses instead of telling nothing.
 */
export class EtcdEndpoints {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onLeft: () => void;
  readonly #closing = new AbortController();
  /** Left, and not heard of since: said once. */
  readonly #silent = new Set<string>();
  #connections: readonly Connection[];
  #index = 0;

  constructor({ urls, clock, log, onLeft = () => {} }: EtcdEndpointsOptions) {
    this.#connections = [...new Set(urls)].map(connect);
    this.#clock = clock;
    this.#log = log;
    this.#onLeft = onLeft;
  }

  /**
   * Others from now on, at least one. The one in use stays in use if it is among them; what runs on
   * a connection that is not ends, and goes on elsewhere.
   */
  replace(urls: readonly string[]): void {
    assert(urls.length > 0, "etcd has an endpoint");
    if (this.#closing.signal.aborted) return;
    const before = this.#connections;
    const { url: inUse } = this.at();
    const known = new Map(before.map((connection) => [connection.url, connection]));
    this.#connections = [...new Set(urls)].map((url) => known.get(url) ?? connect(url));
    this.#index = Math.max(
      0,
      this.#connections.findIndex(({ url }) => url === inUse),
    );
    for (const connection of before) {
      if (this.#connections.includes(connection)) continue;
      this.#silent.delete(connection.url);
      end(connection);
    }
  }

  /** The one in use, or with a count those after it. */
  at(count = 0): EtcdEndpoint {
    const { length } = this.#connections;
    return this.#connections[(this.#index + count) % length] as Connection;
  }

  get urls(): string {
    return this.#connections.map(({ url }) => url).join(", ");
  }

  /** Aborts when the coordinator closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Uses the next endpoint from now on, and ends what runs on this one's connection. */
  leave(endpoint: EtcdEndpoint, why: unknown): void {
    for (const connection of this.#connections) {
      if (connection === endpoint) end(connection);
    }
    if (this.at() !== endpoint || this.#closing.signal.aborted) return;
    this.#index = (this.#index + 1) % this.#connections.length;
    this.#onLeft();
    if (this.#silent.has(endpoint.url)) return;
    this.#silent.add(endpoint.url);
    const reason = why instanceof Error ? why.message : String(why);
    this.#log.warn("left an etcd endpoint", { endpoint: endpoint.url, why: reason });
  }

  /** It answers. */
  hear({ url }: EtcdEndpoint): void {
    if (this.#silent.delete(url))
      this.#log.info("an etcd endpoint answers again", { endpoint: url });
  }

  /**
   * Asks one endpoint after the other until one answers. Only for what may be applied twice.
   * Rejects with REQUEST_TIMED_OUT after `timeoutMs`, with what etcd says when it refuses.
   */
  async ask<Answer>(
    what: string,
    call: (endpoint: EtcdEndpoint, options: CallOptions) => Promise<Answer>,
    timeoutMs = callMsMax,
  ): Promise<Answer> {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    let pauseMs = pauseMsMin;
    for (let tried = 1; ; tried += 1) {
      const endpoint = this.at();
      const leftMs = deadlineMs - this.#clock.monotonicMs();
      try {
        const attemptMs = Math.min(leftMs, attemptMsMin * tried, attemptMsMax);
        const answer = await this.attempt((options) => call(endpoint, options), attemptMs);
        this.hear(endpoint);
        return answer;
      } catch (error) {
        this.checkOpen();
        if (!isPassing(error)) throw toCoordinatorError(error, what);
        this.leave(endpoint, error);
        const isRound = tried % this.#connections.length === 0;
        if (deadlineMs - this.#clock.monotonicMs() <= (isRound ? pauseMs : 0)) {
          throw new XylemError("REQUEST_TIMED_OUT", `${what}: no answer from etcd (${this.urls})`, {
            cause: error,
          });
        }
        if (isRound) await this.pause(pauseMs);
        if (isRound) pauseMs = Math.min(pauseMs * 2, pauseMsMax);
      }
    }
  }

  /**
   * One attempt; what it leaves open, a stream read in part, ends with it. Without a time it lasts
   * until `stop` aborts.
   */
  async attempt<Answer>(
    call: (options: CallOptions & { readonly signal: AbortSignal }) => Promise<Answer>,
    timeoutMs?: number,
    stop?: AbortSignal,
  ): Promise<Answer> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const signals = stop === undefined ? [this.closing] : [this.closing, stop];
    for (const signal of signals) {
      if (signal.aborted) end();
      else signal.addEventListener("abort", end);
    }
    try {
      return await call({
        signal: ending.signal,
        headers: { hasleader: "true" },
        ...(timeoutMs === undefined ? {} : { timeoutMs: Math.max(1, Math.ceil(timeoutMs)) }),
      });
    } finally {
      for (const signal of signals) signal.removeEventListener("abort", end);
      end();
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
    for (const connection of this.#connections) end(connection);
  }
}

function connect(url: string): Connection {
  const sockets = new Set<Socket>();
  const transport = createGrpcTransport({
    baseUrl: url,
    pingIntervalMs,
    pingTimeoutMs,
    nodeOptions: { createConnection: (authority) => openSocket(authority, sockets) },
    readMaxBytes: answerBytesMax,
    acceptCompression: [],
  });
  return {
    url,
    sockets,
    kv: createClient(KV, transport),
    lease: createClient(Lease, transport),
    watch: createClient(Watch, transport),
  };
}

/** A host that does not answer is given up long before the system does. */
function openSocket({ hostname, port }: URL, sockets: Set<Socket>): Socket {
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connectSocket({ host, port: Number(port), noDelay: true });
  sockets.add(socket);
  socket.setTimeout(attemptMsMax, () => socket.destroy(new Error(`${host}:${port} is silent`)));
  socket.once("connect", () => socket.setTimeout(0));
  socket.once("close", () => sockets.delete(socket));
  return socket;
}

/** Through its socket: the transport learns of it as of any other loss, in whatever state it is. */
function end({ sockets }: Connection): void {
  for (const socket of sockets) socket.destroy(new Error("The connection was given up"));
}
