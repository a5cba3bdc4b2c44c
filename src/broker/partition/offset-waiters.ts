type Done = (error?: Error) => void;

/** Who waits, for `cancel`. */
export interface Waiter {
  readonly offset: number;
  readonly done: Done;
}

/**
 * Who waits for an offset to be passed. Nearly all come in ascending order, so this is a queue;
 * callbacks run in the order of their offsets and must not throw.
 */
export class OffsetWaiters {
  #waiters: Waiter[] = [];
  #first = 0;

  get count(): number {
    return this.#waiters.length - this.#first;
  }

  add(offset: number, done: Done): Waiter {
    const waiter = { offset, done };
    let at = this.#waiters.length;
    while (at > this.#first && (this.#waiters[at - 1] as Waiter).offset > offset) at -= 1;
    if (at === this.#waiters.length) this.#waiters.push(waiter);
    else this.#waiters.splice(at, 0, waiter);
    return waiter;
  }

  /** It is not called any more; nothing happens when it was. */
  cancel(waiter: Waiter): void {
    let at = this.#first;
    for (let above = this.#waiters.length; at < above;) {
      const middle = (at + above) >>> 1;
      if ((this.#waiters[middle] as Waiter).offset < waiter.offset) at = middle + 1;
      else above = middle;
    }
    while (this.#waiters[at]?.offset === waiter.offset && this.#waiters[at] !== waiter) at += 1;
    if (this.#waiters[at] === waiter) this.#waiters.splice(at, 1);
  }

  /** Calls those that wait for `offset` or less. */
  advance(offset: number): void {
    while (this.#first < this.#waiters.length) {
      const waiter = this.#waiters[this.#first] as Waiter;
      if (waiter.offset > offset) break;
      this.#first += 1;
      waiter.done();
    }
    this.#compact();
  }

  /** Fails those that wait for more than `offset`. */
  failAbove(offset: number, error: Error): void {
    let at = this.#waiters.length;
    while (at > this.#first && (this.#waiters[at - 1] as Waiter).offset > offset) at -= 1;
    for (const waiter of this.#waiters.splice(at)) waiter.done(error);
  }

  #compact(): void {
    if (this.#first === this.#waiters.length) {
      this.#waiters.length = 0;
      this.#first = 0;
    } else if (this.#first > 1024 && this.#first * 2 > this.#waiters.length) {
      this.#waiters = this.#waiters.slice(this.#first);
      this.#first = 0;
    }
  }
}
