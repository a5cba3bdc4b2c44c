/**
 * Bytes that all partitions of a data directory hold in memory and have not written yet, at most
 * `log.append.pending.total.max.bytes` and what one request brings: past it producers wait.
 */
export class AppendBacklog {
  readonly #bytesMax: number;
  #bytes = 0;
  #room: { promise: Promise<void>; resolve: () => void } | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    if (this.#room === undefined || this.#bytes >= this.#bytesMax) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  /** Resolves when it is under its bound; undefined: it is. */
  whenRoom(): Promise<void> | undefined {
    if (this.#bytes < this.#bytesMax) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }
}
