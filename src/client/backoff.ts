/** Waiting times between attempts, in milliseconds. */
export interface BackoffLimits {
  readonly initialMs: number;
  readonly mostMs: number;
}

/** Each attempt waits up to twice as long as the last, by chance between half of it and all. */
export class Backoff {
  readonly #limits: BackoffLimits;
  #nextMs: number;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
    this.#nextMs = limits.initialMs;
  }

  /** How long to wait before the next attempt. */
  next(): number {
    const delayMs = this.#nextMs * (0.5 + Math.random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#limits.mostMs);
    return delayMs;
  }

  /** An attempt went well. */
  reset(): void {
    this.#nextMs = this.#limits.initialMs;
  }
}

/** Rejects with the signal's reason when it aborts. */
export function delay(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
