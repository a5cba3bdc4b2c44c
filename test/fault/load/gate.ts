/** Lets a load go on, or holds it between two of its steps. */
export class Gate {
  #opening: PromiseWithResolvers<void> | undefined;
  #isEnded = false;
  readonly #resting = new Set<object>();

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** A step that is begun is to come to its end. */
  get isClosed(): boolean {
    return this.#isEnded || this.#opening !== undefined;
  }

  /** How many wait at the closed gate. */
  get restingCount(): number {
    return this.#resting.size;
  }

  /** Between two steps of a load; answers whether it is to go on. */
  async pass(who: object): Promise<boolean> {
    while (this.#opening !== undefined && !this.#isEnded) {
      this.#resting.add(who);
      await this.#opening.promise;
      this.#resting.delete(who);
    }
    return !this.#isEnded;
  }

  close(): void {
    this.#opening ??= Promise.withResolvers();
  }

  open(): void {
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  end(): void {
    this.#isEnded = true;
    this.open();
  }
}
