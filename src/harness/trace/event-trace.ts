import type { Clock } from "../../base/clock.ts";
import { formatEvent, type Happening, type TraceEvent } from "./trace-event.ts";

/** Events kept; the oldest go first. */
const eventsMax = 100_000;
/** Events shown when one that was waited for did not come. */
const shownEventsMax = 20;
const waitMsDefault = 5_000;

type Kind = TraceEvent["kind"];
type EventOf<K extends Kind> = Extract<TraceEvent, { readonly kind: K }>;

/** Fields an event must have, or what decides. Lists are equal when their members are. */
export type Match<K extends Kind = Kind> =
  | ({ readonly kind: K } & Partial<EventOf<K>>)
  | ((event: TraceEvent) => boolean);

interface Waiter {
  readonly fits: (event: TraceEvent) => boolean;
  readonly resolve: (event: TraceEvent) => void;
}

/** What happened in a broker, in order: `await trace.until({ kind: "commit", group: "g" })`. */
export class EventTrace {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #events: TraceEvent[] = [];
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  /** The last 100,000. */
  get events(): readonly TraceEvent[] {
    return this.#events;
  }

  /** Those that match, oldest first. */
  filter<K extends Kind>(match: Match<K>): EventOf<K>[] {
    return this.#events.filter(fitting(match)) as EventOf<K>[];
  }

  count(match: Match): number {
    return this.filter(match).length;
  }

  /**
   * The first event that matches: one that has been, else the next to come. Rejects, with what did
   * happen, after `withinMs` of real time (5 s).
   */
  until<K extends Kind>(
    match: Match<K>,
    { withinMs = waitMsDefault }: { readonly withinMs?: number } = {},
  ): Promise<EventOf<K>> {
    const fits = fitting(match);
    const past = this.#events.find(fits);
    if (past !== undefined) return Promise.resolve(past as EventOf<K>);
    return this.next(match, { withinMs });
  }

  /** As `until`, without looking back. */
  next<K extends Kind>(
    match: Match<K>,
    { withinMs = waitMsDefault }: { readonly withinMs?: number } = {},
  ): Promise<EventOf<K>> {
    const { promise, resolve, reject } = Promise.withResolvers<TraceEvent>();
    const waiter: Waiter = { fits: fitting(match), resolve };
    this.#waiters.add(waiter);
    const giveUp = setTimeout(() => reject(this.#missing(match, withinMs)), withinMs);
    const done = (): void => {
      clearTimeout(giveUp);
      this.#waiters.delete(waiter);
    };
    promise.then(done, done);
    return promise as Promise<EventOf<K>>;
  }

  clear(): void {
    this.#events.length = 0;
  }

  /** One line an event, times in seconds since the trace began. */
  toString(): string {
    return this.#events.map((event) => formatEvent(event, this.#startMs)).join("\n");
  }

  /** The broker's side. */
  add(happening: Happening): void {
    const event = { ...happening, atMs: this.#clock.nowMs() };
    this.#events.push(event);
    if (this.#events.length > eventsMax) this.#events.shift();
    for (const waiter of this.#waiters) if (waiter.fits(event)) waiter.resolve(event);
  }

  #missing(match: Match, withinMs: number): Error {
    const wanted = typeof match === "function" ? "what was asked for" : JSON.stringify(match);
    const recent = this.#events.slice(-shownEventsMax);
    const lines = recent.map((event) => `  ${formatEvent(event, this.#startMs)}`).join("\n");
    return new Error(`within ${withinMs} ms there was no ${wanted}; the last events:\n${lines}`);
  }
}

function fitting(match: Match): (event: TraceEvent) => boolean {
  if (typeof match === "function") return match;
  const wanted = Object.entries(match);
  return (event) => wanted.every(([name, value]) => isEqual(Reflect.get(event, name), value));
}

function isEqual(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
