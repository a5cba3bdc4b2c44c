import type { Deadlines, Expiring } from "./deadlines.ts";

interface Wait extends Expiring {
  end(error?: unknown): void;
}

/**
 * Work that several wait for, each as long as he likes. Of who has gone nothing stays behind: a
 * promise that is raced would keep every waiter for as long as the work takes.
 */
export class PendingWork {
  /** Settles with the work. */
  readonly done: Promise<void>;
  #isDone = false;
  readonly #waits = new Set<Wait>();

  constructor(work: Promise<void>) {
    this.done = work;
    const end = (error?: unknown): void => {
      this.#isDone = true;
      for (const wait of this.#waits) wait.end(error);
      this.#waits.clear();
    };
    work.then(() => end(), end);
  }

  get waitingCount(): number {
    return this.#waits.size;
  }

  /** Whether it is done when so much time is over. Rejects as the work does. */
  async isDoneIn(deadlines: Deadlines, timeoutMs: number): Promise<boolean> {
    if (this.#isDone) {
      await this.done;
      return true;
    }
    return await new Promise((resolve, reject) => {
      const wait: Wait = {
        end: (error) => {
          deadlines.remove(wait, slot);
          if (error === undefined) resolve(true);
          else reject(error as Error);
        },
        expire: () => {
          this.#waits.delete(wait);
          resolve(false);
        },
      };
      const slot = deadlines.add(wait, timeoutMs);
      this.#waits.add(wait);
    });
  }
}
