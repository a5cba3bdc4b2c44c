import type { LogFile } from "./log-file.ts";

/** Files looked at for each one that is used: it must not take longer the more there are. */
const looksPerUse = 8;

/**
 * The log files of one data directory that are open, at most `countMax` of them but for those in
 * use: the one idle longest is closed for the next, flushed before if it must be. So idle
 * partitions cost no descriptors.
 */
export class OpenFiles {
  readonly #countMax: number;
  /** Used, or found in use, longest ago first. */
  readonly #files = new Set<LogFile>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#files.size;
  }

  /** Notes a use; may close others. */
  touch(file: LogFile): void {
    this.#files.delete(file);
    this.#files.add(file);
    this.trim();
  }

  /** Closes what is too many, as far as it is found soon. */
  trim(): void {
    if (this.#files.size > this.#countMax) this.#closeIdle(this.#countMax, looksPerUse);
  }

  /** Closes all that nobody uses: the process has no descriptor left. */
  closeAllIdle(): void {
    this.#closeIdle(0, this.#files.size);
  }

  forget(file: LogFile): void {
    this.#files.delete(file);
  }

  #closeIdle(countMax: number, looksMax: number): void {
    let looks = 0;
    for (const file of this.#files) {
      if (this.#files.size <= countMax || looks === looksMax) return;
      looks += 1;
      this.#files.delete(file);
      if (!file.closeIfIdle()) this.#files.add(file);
    }
  }
}
