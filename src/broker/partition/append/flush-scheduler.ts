/** Something with bytes to be flushed; `flush` never rejects. */
export interface Flushable {
  flush(): Promise<void>;
}

/** Runs the flushes of many partitions side by side, at most `parallelMax`, in order of asking. */
export class FlushScheduler {
  readonly #parallelMax: number;
  /** Each partition asks once until its flush has begun: the queue is as long as they are many. */
  readonly #queue = new Set<Flushable>();
  #running = 0;

  constructor(parallelMax: number) {
    this.#parallelMax = parallelMax;
  }

  request(target: Flushable): void {
    this.#queue.add(target);
    this.#startNext();
  }

  #startNext(): void {
    for (const target of this.#queue) {
      if (this.#running >= this.#parallelMax) return;
      this.#queue.delete(target);
      this.#running += 1;
      void target.flush().finally(() => {
        this.#running -= 1;
        this.#startNext();
      });
    }
  }
}
