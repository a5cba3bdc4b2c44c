/** Opens when so many wait at it: they begin together. */
export class Gate {
  #missing: number;
  readonly #opened = Promise.withResolvers<void>();
  /** When it opened, by `performance.now()`. */
  openedMs = 0;

  constructor(count: number) {
    this.#missing = count;
  }

  pass(): Promise<void> {
    this.#missing -= 1;
    if (this.#missing === 0) {
      this.openedMs = performance.now();
      this.#opened.resolve();
    }
    return this.#opened.promise;
  }
}
