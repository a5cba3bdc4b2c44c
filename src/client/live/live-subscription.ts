import type { Ended, Moved } from "../answers.ts";
import { Backoff, type BackoffLimits, delay } from "../backoff.ts";
import { type ClientRecord, readListed } from "../record-json.ts";
import {
  formatFilter,
  formatFrom,
  formatWish,
  type From,
  type RecordFilter,
  type TopicWish,
} from "../where.ts";
import { isPassing, type XylemClientError } from "../xylem-client-error.ts";
import {
  type CursorPlace,
  formatPlace,
  parsePlace,
  placeBehind,
  placeInside,
  wasTaken,
} from "./cursor-place.ts";
import type { LiveDelivery, LiveSource } from "./live-source.ts";

/** What happens to a subscription beside its records. */
export type SubscriptionEvent =
  | { readonly kind: "open" }
  /** The connection is lost; the next is tried after `delayMs`. */
  | { readonly kind: "retry"; readonly error: XylemClientError; readonly delayMs: number }
  | ({ readonly kind: "moved" } & Moved)
  | ({ readonly kind: "ended" } & Ended)
  | { readonly kind: "closed" };

export interface SubscribeOptions {
  /** Where topics begin that do not say so themselves; latest. */
  readonly from?: From;
  /** Goes on where an earlier subscription to the same topics was; counts before all positions. */
  readonly cursor?: string | undefined;
  readonly filter?: RecordFilter;
  /** Server-sent events, `sse`, are the default; a socket follows more than 256 partitions. */
  readonly transport?: "sse" | "websocket";
  readonly onEvent?: (event: SubscriptionEvent) => void;
  /** Silence after which a connection is taken for dead; the node breaks it each 15 s. */
  readonly silenceMs?: number;
  readonly retryDelays?: BackoffLimits;
  /** Ends it: whoever iterates gets the reason. */
  readonly signal?: AbortSignal;
}

const silenceMsInitial = 45_000;
const retryDelaysInitial = { initialMs: 250, mostMs: 10_000 };

/**
 * The records of topics as they come, over as many connections as it takes: without gap and without
 * duplicate. Iterate it once; nothing is asked of the node faster than it is taken.
 */
export class Subscription implements AsyncIterable<ClientRecord> {
  readonly #source: LiveSource;
  readonly #topics: readonly string[];
  readonly #options: SubscribeOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #backoff: Backoff;
  #place: CursorPlace | undefined;

  constructor(source: LiveSource, topics: readonly TopicWish[], options: SubscribeOptions) {
    this.#source = source;
    this.#topics = topics.map(formatWish);
    this.#options = options;
    const { cursor, signal, retryDelays } = options;
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    this.#backoff = new Backoff(retryDelays ?? retryDelaysInitial);
    this.#place = cursor === undefined ? undefined : parsePlace(cursor);
  }

  /**
   * Behind the last record that was taken: where another subscription may go on. Undefined
   * until the first connection stands.
   */
  get cursor(): string | undefined {
    return this.#place && formatPlace(this.#place);
  }

  /** The iteration ends, without an error. */
  close(): void {
    this.#stop.abort();
  }

  /** Throws a XylemClientError that no retry can mend, and the reason of the signal. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ClientRecord, void, undefined> {
    try {
      for (;;) {
        try {
          yield* this.#connect();
          return;
        } catch (error) {
          if (this.#stop.signal.aborted) return;
          if (!isPassing(error)) throw error;
          await this.#pause(error);
          if (this.#stop.signal.aborted) return;
        }
      }
    } finally {
      this.#stop.abort();
      this.#tell({ kind: "closed" });
    }
  }

  async *#connect(): AsyncGenerator<ClientRecord, void, undefined> {
    const { from, filter, silenceMs = silenceMsInitial } = this.#options;
    const deliveries = this.#source({
      topics: this.#topics,
      from: from === undefined ? undefined : formatFrom(from),
      cursor: this.#place?.cursor,
      filter: formatFilter(filter),
      signal: this.#signal,
      silenceMs,
    });
    let isOpen = false;
    for await (const delivery of deliveries) {
      if (isOpen) this.#backoff.reset();
      else this.#tell({ kind: "open" });
      isOpen = true;
      yield* this.#take(delivery);
    }
  }

  *#take({
    cursor,
    records,
    moved,
    ended,
  }: LiveDelivery): Generator<ClientRecord, void, undefined> {
    const start = this.#place ?? { cursor, taken: new Map() };
    const last = records.at(-1);
    for (const record of records) {
      if (wasTaken(start, record)) continue;
      const isLast = record === last;
      this.#place = isLast ? placeBehind(start.taken, cursor, last) : placeInside(start, record);
      yield readListed(record);
    }
    this.#place = placeBehind(start.taken, cursor, last);
    if (moved !== undefined) this.#tell({ kind: "moved", ...moved });
    if (ended !== undefined) this.#tell({ kind: "ended", ...ended });
  }

  async #pause(error: XylemClientError): Promise<void> {
    const delayMs = Math.max(this.#backoff.next(), error.retryAfterMs);
    this.#tell({ kind: "retry", error, delayMs });
    try {
      await delay(delayMs, this.#signal);
    } catch (reason) {
      if (!this.#stop.signal.aborted) throw reason;
    }
  }

  #tell(event: SubscriptionEvent): void {
    this.#options.onEvent?.(event);
  }
}
