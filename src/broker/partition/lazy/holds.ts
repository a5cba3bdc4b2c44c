/** Counts work under way on something that must not be closed meanwhile. */
export class Holds {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Runs `work`, counted until it has ended. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
    }
  }
}
