import type { Log } from "../base/log.ts";

type Stop = () => void | Promise<void>;

/** A start that failed, naming the step; what had started before it was stopped again. */
export class StartError extends Error {
  override name = "StartError";
  readonly step: string;

  constructor(step: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Could not ${step}: ${reason}`, { cause });
    this.step = step;
  }
}

/** A start as named steps, each with the stop that undoes it. Stops run in reverse, once. */
export class StartSteps {
  readonly #stops: { name: string; stop: Stop }[] = [];
  readonly #log: Log;
  #stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Runs one step. When it fails, stops all earlier ones and throws StartError. */
  async run<T>(
    name: string,
    start: () => T | Promise<T>,
    stop?: (started: T) => void | Promise<void>,
  ): Promise<T> {
    try {
      const started = await start();
      if (stop) this.#stops.push({ name, stop: () => stop(started) });
      return started;
    } catch (error) {
      await this.stop().catch((stopError: unknown) =>
        this.#log.error("stopping after a failed start failed too", { reason: String(stopError) }),
      );
      throw new StartError(name, error);
    }
  }

  /** Stops what has started, last first, each even if another fails. Throws the first failure. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let next = this.#stops.pop(); next; next = this.#stops.pop()) {
      try {
        await next.stop();
      } catch (error) {
        this.#log.error("a stop step failed", { step: next.name, reason: String(error) });
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
