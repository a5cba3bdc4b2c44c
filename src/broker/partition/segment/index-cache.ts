/** Holds an index in memory that it can read again. */
export interface IndexOwner {
  dropIndex(): void;
}

/** What an index costs beside its entries. */
const overheadBytes = 128;

/**
 * The offset indexes of closed segments that are kept in memory, at most so many bytes in one data
 * directory: the one used longest ago goes for the next.
 */
export class IndexCache {
  readonly #bytesMax: number;
  #bytes = 0;
  /** Used longest ago first, with what each takes. */
  readonly #kept = new Map<IndexOwner, number>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts an index of that size; may drop others, never this one. */
  keep(owner: IndexOwner, entriesBytes: number): void {
    this.forget(owner);
    const sizeBytes = entriesBytes + overheadBytes;
    this.#kept.set(owner, sizeBytes);
    this.#bytes += sizeBytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === owner) return;
      this.forget(oldest);
      oldest.dropIndex();
    }
  }

  /** Notes a use. */
  touch(owner: IndexOwner): void {
    const sizeBytes = this.#kept.get(owner);
    if (sizeBytes === undefined) return;
    this.#kept.delete(owner);
    this.#kept.set(owner, sizeBytes);
  }

  forget(owner: IndexOwner): void {
    this.#bytes -= this.#kept.get(owner) ?? 0;
    this.#kept.delete(owner);
  }
}
