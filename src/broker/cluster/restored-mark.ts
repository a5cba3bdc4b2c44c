import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { CoordinatorFeed, FeedNews } from "./coordinator-feed.ts";

/** Its revision is the era in which chains are written anew after a restore. */
export const restoredKey = "restored";
/** Between two tries to write it. */
const retryMs = 500;

export interface RestoredMarkOptions {
  readonly coordinator: Coordinator;
  readonly feed: CoordinatorFeed;
  readonly clock: Clock;
  readonly random: Random;
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
  /** That of the newest mark that is known. */
  #known: number;
  #writing: Promise<void> | undefined;
  #cancel = (): void => {};

  constructor(options: RestoredMarkOptions) {
    this.#options = options;
    this.#known = options.feed.revisionOf(restoredKey);
  }

  /** In which chains are to be; 0: the coordinator was never restored. */
  get era(): number {
    return Math.max(this.#written, this.#options.feed.revisionOf(restoredKey));
  }

  /** Whether a chain is as the backup has it. */
  isOfBackup({ era = 0 }: ChainConfig): boolean {
    return this.#isUnmarked || era < this.era;
  }

  /** Takes what the coordinator tells; answers whether other chains are of a backup now. */
  take({ changes, isAnew }: FeedNews): boolean {
    const mark = changes.find(({ key }) => key === restoredKey);
    // The backup may have the mark of an earlier restore.
    const isMarked = mark !== undefined && mark.value !== null && mark.revision > this.#known;
    if (mark !== undefined) this.#known = mark.revision;
    if (!isAnew && !isMarked) return false;
    this.#written = 0;
    this.#isUnmarked = !isMarked;
    this.#cancel();
    if (!isMarked) this.#writeSoon();
    return true;
  }

  /** Sees to it that a chain counts as the backup's: it is older than what is known here. */
  async cover(config: ChainConfig): Promise<void> {
    if (!this.isOfBackup(config)) await this.#write();
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
  #write(): Promise<void> {
    this.#writing ??= this.#transact().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #transact(): Promise<void> {
    const { coordinator, feed, random, log } = this.#options;
    const compares = [{ key: restoredKey, revision: feed.revisionOf(restoredKey) }];
    const value = formatUuid(makeUuid(random));
    const revision = await coordinator.transact(compares, [{ key: restoredKey, value }]);
    if (revision === undefined) return;
    this.#written = revision;
    log.warn("the coordinator was restored from a backup: chains go on with care", { revision });
  }
}
