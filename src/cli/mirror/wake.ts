import { setTimeout as delay } from "node:timers/promises";

/** Lets one wait for others, for a bounded time. */
export class Wake {
  #stop = new AbortController();

  /** Whoever waits goes on. */
  call(): void {
    this.#stop.abort();
  }

  /** Resolves after that time, a `call` since the last wait ended, or an abort. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stop.signal]);
    await delay(ms, undefined, { signal: either }).catch(() => undefined);
    if (this.#stop.signal.aborted) this.#stop = new AbortController();
  }
}
