/**
 * Bounds how many partitions are loaded at a time. Whoever waits is served in turn, clients before
 * the background.
 */
export class LoadSlots {
  readonly #countMax: number;
  readonly #clients: (() => void)[] = [];
  readonly #background: (() => void)[] = [];
  #count = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  async run<T>(urgency: "client" | "background", work: () => Promise<T>): Promise<T> {
    if (this.#count < this.#countMax) this.#count += 1;
    else await this.#wait(urgency);
    try {
      return await work();
    } finally {
      const next = this.#clients.shift() ?? this.#background.shift();
      // Whoever is next takes this slot over.
      if (next === undefined) this.#count -= 1;
      else next();
    }
  }

  #wait(urgency: "client" | "background"): Promise<void> {
    const queue = urgency === "client" ? this.#clients : this.#background;
    return new Promise((resolve) => queue.push(resolve));
  }
}
