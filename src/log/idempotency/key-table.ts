/** What became of the request that came with an idempotency key, in one partition. */
export interface KeptAppend {
  /** Of all that the request said; the same key with another one is another request. */
  readonly fingerprint: string;
  readonly baseOffset: number;
  readonly recordCount: number;
  /** The broker's time when it was appended, milliseconds since 1970. */
  readonly timeMs: number;
}

export interface KeyLimits {
  readonly countMax: number;
  readonly ageMsMax: number;
}

/** The idempotency keys of one partition, oldest first: those go when there are too many. */
export class KeyTable {
  readonly #kept = new Map<string, KeptAppend>();

  get size(): number {
    return this.#kept.size;
  }

  find(id: string, nowMs: number, { ageMsMax }: KeyLimits): KeptAppend | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && nowMs - kept.timeMs <= ageMsMax ? kept : undefined;
  }

  /** Drops what is too old at `nowMs`, and the oldest beyond the count. */
  add(id: string, kept: KeptAppend, nowMs: number, limits: KeyLimits): void {
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    for (const [oldId, old] of this.#kept) {
      const isTooOld = nowMs - old.timeMs > limits.ageMsMax;
      if (!isTooOld && this.#kept.size <= limits.countMax) return;
      this.#kept.delete(oldId);
    }
  }

  /** Takes an append back, unless the key has another one by now. */
  remove(id: string, kept: KeptAppend): void {
    if (this.#kept.get(id) === kept) this.#kept.delete(id);
  }

  entries(): Iterable<readonly [id: string, kept: KeptAppend]> {
    return this.#kept;
  }
}
