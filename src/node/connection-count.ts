/** Connections of all listeners together, bounded by `max.connections`. */
export class ConnectionCount {
  readonly #most: () => number;
  #open = 0;
  /** Bound: sockets take it for a listener as it is. */
  readonly leave = (): void => {
    this.#open -= 1;
  };

  constructor(most: () => number) {
    this.#most = most;
  }

  get open(): number {
    return this.#open;
  }

  /** Whether one more may come; it is counted until `leave`. */
  enter(): boolean {
    if (this.#open >= this.#most()) return false;
    this.#open += 1;
    return true;
  }
}
