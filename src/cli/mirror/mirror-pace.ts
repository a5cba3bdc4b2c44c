import { setTimeout as delay } from "node:timers/promises";

/** Bounds what is read a second, and what is in memory on its way to the target. */
export class MirrorPace {
  readonly #bytesPerSecond: number;
  readonly #inFlightBytesMax: number;
  #inFlightBytes = 0;
  #freeAtMs = 0;
  #waiting: (() => void)[] = [];

  /** Infinity: as fast as it goes. */
  constructor(bytesPerSecond: number, inFlightBytesMax: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#inFlightBytesMax = inFlightBytesMax;
  }

  /** The most that one fetch may ask for: half a second's worth, so that a slow pace is even. */
  get fetchBytesMax(): number {
    return Math.min(fetchBytesMax, Math.max(fetchBytesMin, Math.floor(this.#bytesPerSecond / 2)));
  }

  /** Resolves when the next fetch may go. */
  async pass(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = this.#freeAtMs - performance.now();
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
      else if (this.#inFlightBytes < this.#inFlightBytesMax) return;
      else await this.#nextRelease(signal);
    }
  }

  /** Also when there is nothing to wait for any more. */
  async #nextRelease(signal: AbortSignal): Promise<void> {
    const released = Promise.withResolvers<void>();
    this.#waiting.push(released.resolve);
    signal.addEventListener("abort", released.resolve as () => void, { once: true });
    await released.promise;
    signal.removeEventListener("abort", released.resolve as () => void);
  }

  take(sizeBytes: number): void {
    this.#inFlightBytes += sizeBytes;
    const fromMs = Math.max(this.#freeAtMs, performance.now());
    this.#freeAtMs = fromMs + (sizeBytes / this.#bytesPerSecond) * 1_000;
  }

  release(sizeBytes: number): void {
    this.#inFlightBytes -= sizeBytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const fetchBytesMax = 8 * 1024 * 1024;
const fetchBytesMin = 64 * 1024;
