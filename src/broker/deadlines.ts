import { assert } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";

/** Something that gives up when its time is over. Kept by reference: no closure per entry. */
export interface Expiring {
  expire(): void;
}

/** Deadlines are rounded up to this, so that one timer serves all that fall together. */
const granularityMs = 5;

/**
 * The time limits of waiting requests. Adding and removing cost a set operation; one timer, armed
 * only while something waits, serves all. An entry expires at or up to 5 ms after its deadline.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Set<Expiring>>();
  #armedSlot = Infinity;
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    let count = 0;
    for (const slot of this.#slots.values()) count += slot.size;
    return count;
  }

  /** Expires `entry` after `delayMs`. The answer is what `remove` needs. */
  add(entry: Expiring, delayMs: number): number {
    assert(!this.#isClosed, "a deadline was added to closed deadlines");
    const dueMs = this.#clock.monotonicMs() + Math.max(0, delayMs);
    const slot = Math.ceil(dueMs / granularityMs);
    const entries = this.#slots.get(slot);
    if (entries !== undefined) entries.add(entry);
    else this.#slots.set(slot, new Set([entry]));
    if (slot < this.#armedSlot) this.#arm(slot);
    return slot;
  }

  /** Forgets an entry that is done. Harmless when it has expired. */
  remove(entry: Expiring, slot: number): void {
    const entries = this.#slots.get(slot);
    if (entries === undefined) return;
    entries.delete(entry);
    // The slot that the timer waits for stays: the timer finds it empty and goes on.
    if (entries.size === 0 && slot !== this.#armedSlot) this.#slots.delete(slot);
  }

  /** Stops the timer. What still waits is never called. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#slots.clear();
  }

  #arm(slot: number): void {
    this.#cancel?.();
    this.#armedSlot = slot;
    const delayMs = Math.max(0, slot * granularityMs - this.#clock.monotonicMs());
    this.#cancel = this.#clock.schedule(delayMs, () => this.#tick());
  }

  #tick(): void {
    const nowSlot = this.#clock.monotonicMs() / granularityMs;
    this.#armedSlot = Infinity;
    const due: Set<Expiring>[] = [];
    let nextSlot = Infinity;
    for (const [slot, entries] of this.#slots) {
      if (slot > nowSlot && entries.size > 0) nextSlot = Math.min(nextSlot, slot);
      else {
        due.push(entries);
        this.#slots.delete(slot);
      }
    }
    if (nextSlot !== Infinity) this.#arm(nextSlot);
    for (const entries of due) for (const entry of entries) entry.expire();
  }
}
