/** What a bucket that was not used for a while gives at once: its rate over this time. */
const burstMs = 250;

/** Bytes that may be sent by and by; it may be overdrawn, and then gives nothing for a time. */
export class RateBucket {
  #bytesPerSecond = 0;
  #balance = 0;
  #sinceMs = -Infinity;

  /** Whether some may be taken at `nowMs`, at this rate from now on. */
  isOpen(bytesPerSecond: number, nowMs: number): boolean {
    const most = (bytesPerSecond * burstMs) / 1_000;
    const earned = ((nowMs - this.#sinceMs) * this.#bytesPerSecond) / 1_000;
    const isNew = this.#sinceMs === -Infinity;
    this.#balance = isNew ? most : Math.min(most, this.#balance + earned);
    this.#bytesPerSecond = bytesPerSecond;
    this.#sinceMs = nowMs;
    return this.#balance > 0;
  }

  /** Below zero: gives back. */
  take(sizeBytes: number): void {
    this.#balance -= sizeBytes;
  }
}
