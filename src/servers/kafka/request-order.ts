import { assert } from "../../base/assert.ts";

/**
 * How a request shares its connection with those around it.
 *
 * - `append`: appends before it first waits; further appends may start while it waits.
 * - `fetch`, `wait`: waits for something to happen; all others may start meanwhile.
 * - `alone`: nothing starts before it is done, and it starts after all appends are done.
 */
export type Sharing = "append" | "fetch" | "wait" | "alone";

/**
 * Decides when the next request of a connection may start. Kafka works on one request of a
 * connection at a time; here later ones start early where the client can not tell: what it sent
 * before is done, or waits, or takes its place in the partitions first.
 */
export class RequestOrder {
  readonly #running = { append: 0, fetch: 0, wait: 0, alone: 0 };
  #holds = 0;

  /** `fetchesMax`: how many fetches may read or wait side by side. */
  mayStart(sharing: Sharing, fetchesMax: number): boolean {
    const { append, fetch, alone } = this.#running;
    if (alone > 0 || this.#holds > 0) return false;
    if (sharing === "append") return true;
    if (append > 0) return false;
    return sharing !== "fetch" || fetch < fetchesMax;
  }

  start(sharing: Sharing): void {
    this.#running[sharing] += 1;
  }

  finish(sharing: Sharing): void {
    this.#running[sharing] -= 1;
    assert(this.#running[sharing] >= 0, `a request (${sharing}) finished twice`);
  }

  /** Nothing starts until as many `release` calls came. */
  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    assert(this.#holds >= 0, "a hold was released twice");
  }

  /** Requests whose end does not depend on what somebody else does. */
  get busyCount(): number {
    const { append, fetch, alone } = this.#running;
    return append + fetch + alone;
  }
}
