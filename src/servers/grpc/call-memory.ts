import { XylemError } from "../../base/errors.ts";
import type { AnswerRoom } from "../../broker/records/answer-room.ts";

/**
 * Memory for what calls hold: requests that are not answered yet, and answers that clients have not
 * taken. Bounded by `grpc.memory.max.bytes` over all connections.
 */
export class CallMemory {
  readonly #bytesMax: () => number;
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax();
  }

  /** Counts them until `release`. Throws THROTTLING_QUOTA_EXCEEDED when they do not fit. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax()) {
      throw new XylemError(
        "THROTTLING_QUOTA_EXCEEDED",
        `The calls under way hold ${this.#bytes} bytes of grpc.memory.max.bytes; try again`,
      );
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /**
   * Takes them as soon as they fit, or all there are of more. Answers what is to be released;
   * rejects with the signal's reason when that aborts first.
   */
  async takeLater(bytes: number, signal: AbortSignal): Promise<number> {
    const fitting = Math.min(bytes, this.#bytesMax());
    while (this.#bytes + fitting > this.#bytesMax()) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener("abort", wake);
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    }
    this.#bytes += fitting;
    return fitting;
  }
}

/** What one call holds of it until the call is over: its answer has been taken, or nobody will. */
export class CallShare implements AnswerRoom {
  readonly #memory: CallMemory;
  #bytes = 0;
  #isOver = false;

  constructor(memory: CallMemory) {
    this.#memory = memory;
  }

  /** Throws THROTTLING_QUOTA_EXCEEDED when they do not fit. */
  take(bytes: number): void {
    // The client has gone: what is still under way for it is dropped.
    if (this.#isOver) return;
    this.#memory.take(bytes);
    this.#bytes += bytes;
  }

  /** It holds so much at least. Throws as `take`. */
  growTo(bytes: number): void {
    if (bytes > this.#bytes) this.take(bytes - this.#bytes);
  }

  takeUpTo(bytes: number, bytesMin: number): number {
    const free = this.#memory.bytesMax - this.#memory.bytes;
    const taken = Math.min(bytes, Math.max(bytesMin, free));
    this.take(taken);
    return taken;
  }

  giveBack(bytes: number): void {
    const given = Math.min(bytes, this.#bytes);
    this.#bytes -= given;
    this.#memory.release(given);
  }

  release(): void {
    this.giveBack(this.#bytes);
  }

  /** Nothing is held from here on. */
  end(): void {
    this.#isOver = true;
    this.release();
  }
}
