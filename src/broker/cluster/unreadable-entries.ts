import type { Log } from "../../base/log.ts";

/** An entry of the coordinator that is not one of ours, and why. */
export interface UnreadableEntry {
  readonly key: string;
  readonly why: string;
}

/**
 * Entries of the coordinator that can not be read, as a hand may have left them: told in the log
 * and in the cluster's status until they change. What they are about is left alone, all else goes
 * on.
 */
export class UnreadableEntries {
  readonly #log: Log;
  readonly #why = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  get list(): readonly UnreadableEntry[] {
    return Array.from(this.#why, ([key, why]) => ({ key, why }));
  }

  /** What an entry says; undefined: it can not be read. */
  read<T>(key: string, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      this.note({ key, why: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  }

  note({ key, why }: UnreadableEntry): void {
    if (this.#why.get(key) === why) return;
    this.#why.set(key, why);
    this.#log.error("an entry of the coordinator can not be read: it is left alone", { key, why });
  }

  /** It has changed: who reads it next finds out. */
  forget(key: string): void {
    this.#why.delete(key);
  }
}
