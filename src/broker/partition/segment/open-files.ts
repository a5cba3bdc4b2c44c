import type { LogFile } from "./log-file.ts";

/**
 * The log files of one data directory that are open, at most `countMax` of them but for those in
 * use: the one idle longest is closed for the next. So idle partitions cost no descriptors.
 */
export class OpenFiles {
  readonly #countMax: number;
  /** Used longest ago first. */
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
    if (this.#files.size > this.#countMax) this.#closeIdle(this.#countMax);
  }

  /** Closes all that nobody uses: the process has no descriptor left. */
  closeAllIdle(): void {
    this.#closeIdle(0);
  }

  forget(file: LogFile): void {
    this.#files.delete(file);
  }

  #closeIdle(countMax: number): void {
    for (const file of this.#files) {
      if (this.#files.size <= countMax) return;
      if (file.closeIfIdle()) this.#files.delete(file);
    }
  }
}
