import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { XylemError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

export interface RotationOptions {
  /** At least one; servers of one coordinator. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** One of them was left for another. */
  readonly onLeft?: () => void;
}

/** What tells one coordinator's servers from another's. */
export interface ServerKind<Server> {
  /** As the log and errors say it: "etcd". */
  readonly product: string;
  readonly connect: (url: string) => Server;
  /** None of those to be asked any more: what runs on it is broken off. */
  readonly end: (server: Server) => void;
  /** Whether another server may do better. */
  readonly isPassing: (error: unknown) => boolean;
  readonly toCoordinatorError: (error: unknown, what: string) => XylemError;
}

/** Until a call has failed for good. */
const callMsMax = 10_000;
/**
 * Until one server is given up for another in the same call: longer each time. A member of etcd
 * whose leader died takes calls that are lost, until it notices.
 */
const attemptMsMin = 1_000;
export const attemptMsMax = 3_000;
/** Between rounds over all servers that failed; doubled each time. */
const pauseMsMin = 50;
const pauseMsMax = 1_000;

/** The servers of a coordinator that are known, one of them in use; what fails goes to the next. */
export class ServerRotation<Server extends { readonly url: string }> {
  protected readonly clock: Clock;
  readonly #log: Log;
  readonly #kind: ServerKind<Server>;
  readonly #onLeft: () => void;
  readonly #closing = new AbortController();
  /** Left, and not heard of since: said once. */
  readonly #silent = new Set<string>();
  #servers: readonly Server[];
  #index = 0;

  constructor({ urls, clock, log, onLeft = () => {} }: RotationOptions, kind: ServerKind<Server>) {
    this.clock = clock;
    this.#servers = [...new Set(urls)].map((url) => kind.connect(url));
    this.#log = log;
    this.#kind = kind;
    this.#onLeft = onLeft;
  }

  /**
   * Others from now on, at least one. The one in use stays in use if it is among them; what one is
   * asked that is not ends, and goes on elsewhere.
   */
  replace(urls: readonly string[]): void {
    assert(urls.length > 0, "a coordinator has a server");
    if (this.#closing.signal.aborted) return;
    const before = this.#servers;
    const { url: inUse } = this.at();
    const known = new Map(before.map((server) => [server.url, server]));
    this.#servers = [...new Set(urls)].map((url) => known.get(url) ?? this.#kind.connect(url));
    const index = this.#servers.findIndex(({ url }) => url === inUse);
    this.#index = Math.max(0, index);
    for (const server of before) {
      if (this.#servers.includes(server)) continue;
      this.#silent.delete(server.url);
      this.#kind.end(server);
    }
  }

  /** The one in use, or with a count those after it. */
  at(count = 0): Server {
    return this.#servers[(this.#index + count) % this.#servers.length] as Server;
  }

  /** Aborts when the coordinator closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Uses the next server from now on. */
  leave(server: Server, why: unknown): void {
    if (this.at() !== server || this.#closing.signal.aborted) return;
    this.#index = (this.#index + 1) % this.#servers.length;
    this.#onLeft();
    const { url } = server;
    if (this.#silent.has(url)) return;
    this.#silent.add(url);
    const reason = why instanceof Error ? why.message : String(why);
    this.#log.warn("left a server of the coordinator", {
      coordinator: this.#kind.product,
      server: url,
      why: reason,
    });
  }

  /** It answers. */
  hear({ url }: Server): void {
    if (!this.#silent.delete(url)) return;
    const about = { coordinator: this.#kind.product, server: url };
    this.#log.info("a server of the coordinator answers again", about);
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
      const cancel = this.clock.schedule(durationMs, done);
      if (signal.aborted) done();
      else signal.addEventListener("abort", done);
    });
  }

  close(): void {
    this.#closing.abort();
    for (const server of this.#servers) this.#kind.end(server);
  }

  /**
   * Asks one server after the other until one answers. Only for what may be applied twice.
   * Rejects with REQUEST_TIMED_OUT after `timeoutMs`, with what a server says when it refuses.
   */
  protected async askInTurn<Answer>(
    what: string,
    attempt: (server: Server, timeoutMs: number) => Promise<Answer>,
    timeoutMs = callMsMax,
  ): Promise<Answer> {
    const deadlineMs = this.clock.monotonicMs() + timeoutMs;
    let pauseMs = pauseMsMin;
    for (let tried = 1; ; tried += 1) {
      const server = this.at();
      const leftMs = deadlineMs - this.clock.monotonicMs();
      try {
        const answer = await attempt(server, Math.min(leftMs, attemptMsMin * tried, attemptMsMax));
        this.hear(server);
        return answer;
      } catch (error) {
        this.checkOpen();
        if (!this.#kind.isPassing(error)) throw this.#kind.toCoordinatorError(error, what);
        this.leave(server, error);
        const isRound = tried % this.#servers.length === 0;
        if (deadlineMs - this.clock.monotonicMs() <= (isRound ? pauseMs : 0)) {
          throw this.#noAnswer(what, error);
        }
        if (isRound) await this.pause(pauseMs);
        if (isRound) pauseMs = Math.min(pauseMs * 2, pauseMsMax);
      }
    }
  }

  #noAnswer(what: string, cause: unknown): XylemError {
    const urls = this.#servers.map(({ url }) => url).join(", ");
    const detail = `${what}: no answer from ${this.#kind.product} (${urls})`;
    return new XylemError("REQUEST_TIMED_OUT", detail, { cause });
  }
}
