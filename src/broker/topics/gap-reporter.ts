import type { Cancel, Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Log } from "../../base/log.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { LiveTopic } from "./live-topic.ts";
import type { TopicImage } from "./topic-image.ts";
import { entryOf } from "./topic-life.ts";
import type { TopicTurns } from "./topic-turns.ts";
import { writeTopic } from "./write-topic.ts";

export interface GapReporterOptions {
  readonly image: TopicImage;
  readonly turns: TopicTurns;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
}

const writingMax = 64;
const retryMs = 30_000;

/**
 * Tells the coordinator which topics may have gaps, so that those are no loss whatever becomes of a
 * topic later: topics that a default of the node or of their bucket has compacted, and those of
 * which a coordinator that was restored from a backup has forgotten it. What fails is tried again
 * until it is done.
 */
export class GapReporter {
  readonly #options: GapReporterOptions;
  #isReporting = false;
  #isAsked = false;
  #isClosed = false;
  #cancelRetry: Cancel = () => {};

  constructor(options: GapReporterOptions) {
    this.#options = options;
  }

  /** Looks at all topics, in the background. */
  report(): void {
    this.#isAsked = true;
    if (!this.#isReporting && !this.#isClosed) void this.#report();
  }

  /** The coordinator told of this topic: is there something to tell it? */
  look(topic: LiveTopic): void {
    if (isUntold(topic)) this.report();
  }

  /** Nothing more begins. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
  }

  async #report(): Promise<void> {
    const { image, clock, log } = this.#options;
    this.#isReporting = true;
    this.#cancelRetry();
    try {
      // Who asks may be in a topic's turn: that has begun then, and others wait for it.
      await Promise.resolve();
      while (this.#isAsked && !this.#isClosed) {
        this.#isAsked = false;
        const untold = image.list().filter((topic) => isUntold(topic));
        await inParallel(untold, writingMax, (topic) => this.#tellOf(topic));
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("topics that may have gaps are not marked as such for now", { why, retryMs });
      if (!this.#isClosed) this.#cancelRetry = clock.schedule(retryMs, () => this.report());
    } finally {
      this.#isReporting = false;
    }
  }

  #tellOf(topic: LiveTopic): Promise<void> {
    const { image, turns, coordinator } = this.#options;
    return turns.take(topic.name, async () => {
      if (this.#isClosed || image.find(topic.name) !== topic || !isUntold(topic)) return;
      try {
        await writeTopic(coordinator, topic, entryOf(topic));
      } catch (error) {
        // Another node was first: there will be news.
        if (!(error instanceof XylemError) || error.code !== "NOT_CONTROLLER") throw error;
      }
    });
  }
}

/** The coordinator does not know that the topic may have gaps. */
function isUntold({ isDense, isStoredDense }: LiveTopic): boolean {
  return isStoredDense && !isDense;
}
