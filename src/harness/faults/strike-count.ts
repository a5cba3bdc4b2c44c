/** Which of the requests that fit are struck. */
export interface StrikeRange {
  /** Not before the nth; 1 is the first. */
  readonly nth?: number;
  /** How many, from there on. With `nth` one, else all. */
  readonly times?: number;
}

/** Counts requests that fit, and those of them that were struck. */
export class StrikeCount {
  readonly #first: number;
  readonly #times: number;
  #seen = 0;
  #struck = 0;

  constructor({ nth, times }: StrikeRange) {
    this.#first = nth ?? 1;
    this.#times = times ?? (nth === undefined ? Infinity : 1);
  }

  get struck(): number {
    return this.#struck;
  }

  /** One more that fits; whether it is struck. */
  next(): boolean {
    this.#seen += 1;
    const isStruck = this.#seen >= this.#first && this.#seen < this.#first + this.#times;
    if (isStruck) this.#struck += 1;
    return isStruck;
  }
}
