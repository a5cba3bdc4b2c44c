/** Runs work in the next turn of the event loop. */
export type Soon = (work: () => void) => void;

/**
 * So many pieces of work begin in a turn of the event loop, the others in later ones: what ends
 * without a word from outside would keep leases, links and clients waiting until all of it is done.
 */
export class ShortTurns {
  readonly #soon: Soon;
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #begun = 0;

  constructor(soon: Soon, most: number) {
    this.#soon = soon;
    this.#most = most;
  }

  /** Undefined: at once; else resolves when it is its turn. */
  enter(): Promise<void> | undefined {
    if (this.#begun === 0) this.#soon(() => this.#next());
    if (this.#begun < this.#most) {
      this.#begun += 1;
      return undefined;
    }
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #next(): void {
    const some = this.#waiting.splice(0, this.#most);
    this.#begun = some.length;
    if (this.#begun > 0) this.#soon(() => this.#next());
    for (const resolve of some) resolve();
  }
}
