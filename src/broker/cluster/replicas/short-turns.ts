import type { Clock } from "../../../base/clock.ts";

/**
 * So many pieces of work begin in a turn of the event loop, the others in later ones: what ends
 * without a word from outside would keep leases, links and clients waiting until all of it is done.
 */
export class ShortTurns {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #begun = 0;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Undefined: at once; else resolves when it is its turn. */
  enter(): Promise<void> | undefined {
    if (this.#begun === 0) this.#clock.schedule(0, () => this.#next());
    if (this.#begun < this.#most) {
      this.#begun += 1;
      return undefined;
    }
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #next(): void {
    const some = this.#waiting.splice(0, this.#most);
    this.#begun = some.length;
    if (this.#begun > 0) this.#clock.schedule(0, () => this.#next());
    for (const resolve of some) resolve();
  }
}
