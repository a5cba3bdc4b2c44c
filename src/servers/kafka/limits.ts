import { assert } from "../../base/assert.ts";

/** Who was not read because the budget was used up. */
export interface Paused {
  resumeReading(): void;
}

/**
 * Bytes that all connections together may hold (`queued.max.request.bytes`). Requests that were
 * read and are not done count against it; who finds it used up stops reading until it is not.
 * Unfinished requests are counted apart: waiting for them to become whole could wait for ever, so
 * the connection that goes past the bound is closed instead.
 */
export class IntakeBudget {
  readonly #bytesMax: () => number;
  readonly #paused = new Set<Paused>();
  #bytes = 0;
  #unfinishedBytes = 0;

  /** Answers -1 for no bound. Read each time: the setting may change. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get unfinishedBytes(): number {
    return this.#unfinishedBytes;
  }

  get hasRoom(): boolean {
    const bytesMax = this.#bytesMax();
    return bytesMax < 0 || this.#bytes < bytesMax;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    assert(this.#bytes >= 0, "more request bytes given back than taken");
    if (this.#paused.size === 0 || !this.hasRoom) return;
    const paused = [...this.#paused];
    this.#paused.clear();
    for (const one of paused) one.resumeReading();
  }

  /** Calls `resumeReading` once there is room again. */
  await(paused: Paused): void {
    this.#paused.add(paused);
  }

  forget(paused: Paused): void {
    this.#paused.delete(paused);
  }

  /** Counts bytes of unfinished requests, always; answers whether they are within the bound. */
  changeUnfinished(change: number): boolean {
    this.#unfinishedBytes += change;
    const bytesMax = this.#bytesMax();
    return change <= 0 || bytesMax < 0 || this.#unfinishedBytes <= bytesMax;
  }
}
