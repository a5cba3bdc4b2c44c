import type { StopSignal } from "../../base/stop-signal.ts";

/** What waits here for other nodes, by the names under which they may end it. */
export class Waits {
  readonly #signals = new Map<string, EndSignal>();

  async during<T>(name: string, work: (signal: StopSignal) => Promise<T>): Promise<T> {
    const signal = new EndSignal();
    this.#signals.set(name, signal);
    try {
      return await work(signal);
    } finally {
      if (this.#signals.get(name) === signal) this.#signals.delete(name);
    }
  }

  end(name: string): void {
    this.#signals.get(name)?.abort();
  }
}

/** Of a wait that another node may end. */
class EndSignal implements StopSignal {
  aborted = false;
  readonly #listeners = new Set<() => void>();

  abort(): void {
    this.aborted = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
