/** Chains that are to be looked at again at a time. One time a chain: the last one said. */
export class DueKeys {
  readonly #dueMs = new Map<string, number>();
  #earliestMs = Infinity;

  /** Not later than the first that is due. */
  get earliestMs(): number | undefined {
    return this.#dueMs.size === 0 ? undefined : this.#earliestMs;
  }

  add(key: string, dueMs: number): void {
    this.#dueMs.set(key, dueMs);
    this.#earliestMs = Math.min(this.#earliestMs, dueMs);
  }

  /** Removes what is due. */
  take(nowMs: number): string[] {
    if (nowMs < this.#earliestMs) return [];
    const taken: string[] = [];
    this.#earliestMs = Infinity;
    for (const [key, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) this.#earliestMs = Math.min(this.#earliestMs, dueMs);
      else taken.push(key);
    }
    for (const key of taken) this.#dueMs.delete(key);
    return taken;
  }
}
