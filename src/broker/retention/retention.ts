import type { Cancel, Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic, Topics } from "../topics/topics.ts";
import { Turns } from "../turns.ts";
import { isAcknowledged } from "./acknowledging.ts";
import { Eviction, type EvictionReport } from "./eviction.ts";

export interface RetentionOptions {
  readonly topics: Topics;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** What the groups have passed of each partition; undefined: there are no groups. */
  acknowledged(topic: Topic): readonly number[] | undefined;
}

/** An AbortSignal, as far as a pass looks at it: whether it shall end early. */
export interface Abortion {
  readonly aborted: boolean;
}

/** Partitions looked at before others get a turn. */
const partitionsPerTurn = 256;

/**
 * Removes what the policies of topics allow: at every `log.retention.check.interval.ms`, and on
 * demand. Passes run one after the other; a pass of 100,000 partitions leaves turns to others.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #turns = new Turns();
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isClosed) return;
    const { clock, settings, topics } = this.#options;
    this.#cancel = clock.schedule(settings["log.retention.check.interval.ms"], () => {
      const next = (): void => this.start();
      this.evict(topics.list()).then(next, next);
    });
  }

  /** Waits for the pass under way, which ends early. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#turns.settled();
  }

  /** Applies the policies of these topics now, after passes that were asked for before. */
  evict(topics: readonly Topic[], signal?: Abortion): Promise<EvictionReport> {
    return this.#turns.take("pass", () => this.#pass(topics, signal));
  }

  async #pass(topics: readonly Topic[], signal?: Abortion): Promise<EvictionReport> {
    const eviction = new Eviction();
    let count = 0;
    for (const topic of topics) {
      const passed = isAcknowledged(topic) ? this.#options.acknowledged(topic) : undefined;
      for (const partition of topic.partitions) {
        if (this.#isClosed || signal?.aborted === true) return eviction.report();
        if (this.#options.topics.find(topic.name) !== topic) break;
        await this.#apply(partition, passed?.[partition.index] ?? 0, eviction);
        count += 1;
        if (count % partitionsPerTurn === 0) await this.#turn();
      }
    }
    return eviction.report();
  }

  async #apply(partition: PartitionLog, passed: number, eviction: Eviction): Promise<void> {
    if (partition.stopped !== undefined) return;
    const { clock, log } = this.#options;
    const before = { logStart: partition.logStart, sizeBytes: partition.sizeBytes };
    try {
      await partition.applyRetention(clock.nowMs(), passed);
    } catch (error) {
      const why = error instanceof XylemError ? error.message : String(error);
      eviction.fail(partition, why);
      log.warn("retention failed", { topic: partition.topic, partition: partition.index, why });
    }
    eviction.note(partition, before);
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.schedule(0, resolve));
  }
}
