/** Work under one key runs one after the other, in the order it came; other keys run beside. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, mine);
    const leave = (): void => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(leave, leave);
    return mine;
  }

  /** Waits for all work that was taken so far, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }
}
