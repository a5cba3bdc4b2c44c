import type { Clock } from "../../../base/clock.ts";
import { parseJsonObject } from "../../../base/json-object.ts";
import type { Log } from "../../../base/log.ts";
import type { ChainConfig } from "../../../replication/chain-config.ts";
import type { Coordinator } from "../../ports/coordinator.ts";
import type { CoordinatorFeed, FeedNews } from "../coordinator-feed.ts";

/** Holds the era in which chains are written anew after a restore. */
export const restoredKey = "restored";
/** Between two tries to write it. */
const retryMs = 500;

export interface RestoredMarkOptions {
  readonly coordinator: Coordinator;
  readonly feed: CoordinatorFeed;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The mark of a coordinator that was restored from a backup. Whoever notices it writes one: a node
 * that saw the state go back, or one that starts and knows more than it. Until the controller has
 * written a chain anew that is older than the mark, nobody serves it.
 */
export class RestoredMark {
  readonly #options: RestoredMarkOptions;
  /** Nobody has marked yet that the state went back. */
  #isUnmarked = false;
  /** That of a mark of ours, which is not seen yet. */
  #written = 0;
  /** The highest that this node has seen, also in a state that was taken back. */
  #known: number;
  #writing: Promise<void> | undefined;
  #cancel = (): void => {};

  constructor(options: RestoredMarkOptions) {
    this.#options = options;
    this.#known = eraOf(options.feed.valueOf(restoredKey));
  }

  /** In which chains are to be; 0: the coordinator was never restored. */
  get era(): number {
    return Math.max(this.#written, this.#known);
  }

  /** Whether a chain is as the backup has it. */
  isOfBackup({ era = 0 }: ChainConfig): boolean {
    return this.#isUnmarked || era < this.era;
  }

  /** Takes what the coordinator tells; answers whether other chains are of a backup now. */
  take({ changes, isAnew }: FeedNews): boolean {
    const mark = changes.find(({ key }) => key === restoredKey);
    if (!isAnew && mark === undefined) return false;
    const era = eraOf(mark?.value);
    // The backup may have the mark of an earlier restore, or none.
    this.#isUnmarked = era <= this.#known;
    this.#known = Math.max(era, this.#known);
    this.#written = 0;
    this.#cancel();
    if (this.#isUnmarked) this.#writeSoon();
    return true;
  }

  /** Sees to it that a chain counts as the backup's: it is older than what is known here. */
  async cover(config: ChainConfig): Promise<void> {
    if (!this.isOfBackup(config)) await this.#write(config.era);
  }

  close(): void {
    this.#cancel();
    this.#isUnmarked = false;
  }

  #writeSoon(): void {
    this.#write().catch((error: unknown) => {
      const { log, clock } = this.#options;
      const why = error instanceof Error ? error.message : String(error);
      log.warn("that the coordinator was restored could not be marked", { why });
      this.#cancel = clock.schedule(retryMs, () => {
        if (this.#isUnmarked) this.#writeSoon();
      });
    });
  }

  /** Of several nodes one is first; the others are told of it. */
  #write(above = 0): Promise<void> {
    this.#writing ??= this.#transact(above).finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #transact(above: number): Promise<void> {
    const { coordinator, feed, log } = this.#options;
    const era = Math.max(above, this.#known) + 1;
    const compares = [{ key: restoredKey, revision: feed.revisionOf(restoredKey) }];
    const writes = [{ key: restoredKey, value: JSON.stringify({ era }) }];
    if ((await coordinator.transact(compares, writes)) === undefined) return;
    this.#written = era;
    log.warn("the coordinator was restored from a backup: chains go on with care", { era });
  }
}

/** 0: there is no mark, or none that can be read. */
export function eraOf(value: string | null | undefined): number {
  const era = parseJsonObject(value ?? "")?.["era"];
  return Number.isSafeInteger(era) ? (era as number) : 0;
}
