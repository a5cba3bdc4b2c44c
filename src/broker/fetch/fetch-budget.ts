/**
 * Bytes of fetched records that the node holds for readers: those being read from the log and those
 * in answers that have not left (`fetch.memory.max.bytes`). When it is used up a fetch still brings
 * one batch, so that every reader gets on; a door starts none for a reader who has yet to take what
 * it asked for before.
 */
export class FetchBudget {
  readonly #bytesMax: () => number;
  #bytes = 0;

  /** Read each time: the setting may change. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get roomBytes(): number {
    return Math.max(0, this.#bytesMax() - this.#bytes);
  }

  change(bytes: number): void {
    this.#bytes += bytes;
  }
}
