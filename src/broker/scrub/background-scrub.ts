import type { Cancel, Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { Cancellation } from "../ports/compactor.ts";
import type { Scrubbing } from "./scrubbing.ts";

export interface BackgroundScrubOptions {
  readonly scrubbing: Scrubbing;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** The first one comes so much sooner: who is restarted often is scrubbed too. */
const firstPart = 10;

/**
 * Reads all that is stored every `log.scrub.interval.ms`, slowly, so that rot is found while others
 * can still make it good: a replica that is damaged heals from its chain.
 */
export class BackgroundScrub {
  readonly #options: BackgroundScrubOptions;
  #cancel: Cancel = () => {};
  #run: { readonly cancellation: Cancellation; readonly done: Promise<void> } | undefined;
  #isClosed = false;

  constructor(options: BackgroundScrubOptions) {
    this.#options = options;
    const intervalMs = options.settings["log.scrub.interval.ms"];
    if (intervalMs > 0) this.#after(intervalMs / firstPart);
  }

  /** Ends the scrub under way and waits for it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#run?.cancellation.wish();
    await this.#run?.done;
  }

  #after(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancel = this.#options.clock.schedule(delayMs, () => this.#begin());
  }

  #begin(): void {
    const cancellation = new Cancellation();
    const done = this.#scrub(cancellation).finally(() => {
      this.#run = undefined;
      this.#after(this.#options.settings["log.scrub.interval.ms"]);
    });
    this.#run = { cancellation, done };
  }

  async #scrub(cancellation: Cancellation): Promise<void> {
    const { scrubbing, settings, log } = this.#options;
    const bytesPerSecondMax = settings["log.scrub.background.max.bytes.per.second"];
    const progress = (): void => undefined;
    try {
      const watch = { cancellation, progress, bytesPerSecondMax };
      const { totals } = await scrubbing.run(undefined, watch);
      const { partitions, bytes, damaged } = totals;
      log.info("all that is stored was read", { partitions, bytes, damaged });
    } catch (error) {
      if (this.#isClosed) return;
      const why = error instanceof Error ? error.message : String(error);
      log.warn("what is stored was not read to its end", { why });
    }
  }
}
