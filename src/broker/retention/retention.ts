import type { Cancel, Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { budgetOf } from "../buckets/bucket-configs.ts";
import type { Bucket } from "../buckets/buckets.ts";
import { topicsIn } from "../buckets/change-bucket.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import type { PartitionLog, RetainedBefore } from "../partition/partition-log.ts";
import type { Topic, Topics } from "../topics/topics.ts";
import { Turns } from "../turns.ts";
import { isAcknowledged } from "./acknowledging.ts";
import { planTrims } from "./bucket-budget.ts";
import { Eviction, type EvictionReport } from "./eviction.ts";

export interface RetentionOptions {
  readonly topics: Topics;
  readonly configs: BrokerConfigs;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * What all groups have passed, by topic and partition; undefined: nobody knows, or there are no
   * groups.
   */
  acknowledged(topics: readonly Topic[]): Promise<readonly (readonly number[])[] | undefined>;
}

/** By partition. */
type Passed = readonly number[] | undefined;

/** An AbortSignal, as far as a pass looks at it: whether it shall end early. */
export interface Abortion {
  readonly aborted: boolean;
}

export interface RetentionScope {
  readonly topics: readonly Topic[];
  readonly buckets: readonly Bucket[];
}

/** Partitions looked at before others get a turn. */
const partitionsPerTurn = 256;
/** Partitions whose groups are asked about at once, but for a topic that has more. */
const partitionsPerAsk = 10_000;

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
    const { clock, settings } = this.#options;
    this.#cancel = clock.schedule(settings["log.retention.check.interval.ms"], () => {
      const next = (): void => this.start();
      this.evictAll().then(next, next);
    });
  }

  /** Waits for the pass under way, which ends early. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#turns.settled();
  }

  /** `evict` for all topics and buckets there are. */
  evictAll(signal?: Abortion): Promise<EvictionReport> {
    const { topics, configs } = this.#options;
    return this.evict({ topics: topics.list(), buckets: configs.buckets.list() }, signal);
  }

  /** Applies the policies of these topics, then these buckets' budgets, after earlier passes. */
  evict(scope: RetentionScope, signal?: Abortion): Promise<EvictionReport> {
    return this.#turns.take("pass", async () => {
      const eviction = new Eviction();
      await this.#applyAll(scope.topics, eviction, signal);
      for (const bucket of scope.buckets) {
        if (!this.#isOver(signal)) await this.#trim(bucket, eviction);
      }
      return eviction.report();
    });
  }

  async #applyAll(topics: readonly Topic[], eviction: Eviction, signal?: Abortion): Promise<void> {
    let count = 0;
    for await (const [topic, passed] of this.#withPassed(topics)) {
      for (const partition of topic.partitions) {
        if (this.#isOver(signal)) return;
        if (this.#options.topics.find(topic.name) !== topic) break;
        await this.#apply(partition, passed?.[partition.index] ?? 0, eviction);
        count += 1;
        if (count % partitionsPerTurn === 0) await this.#turn();
      }
    }
  }

  /** What waits for groups comes last: their nodes may be slow to answer. */
  async *#withPassed(topics: readonly Topic[]): AsyncGenerator<readonly [Topic, Passed]> {
    const isWaiting = (topic: Topic): boolean => isAcknowledged(topic) && hasAnyHere(topic);
    for (const topic of topics) if (!isWaiting(topic)) yield [topic, undefined];
    for (const asked of asksOf(topics.filter(isWaiting))) {
      const passed = await this.#options.acknowledged(asked);
      // Meanwhile the topic may have been told to keep what was passed.
      for (const [at, topic] of asked.entries()) {
        yield [topic, isAcknowledged(topic) ? passed?.[at] : undefined];
      }
    }
  }

  async #apply(partition: PartitionLog, passed: number, eviction: Eviction): Promise<void> {
    if (partition.stopped !== undefined) return;
    const nowMs = this.#options.clock.nowMs();
    await this.#attempt(partition, eviction, () => partition.applyRetention(nowMs, passed));
  }

  async #trim(bucket: Bucket, eviction: Eviction): Promise<void> {
    const budget = budgetOf(bucket);
    if (budget < 0) return;
    const trims = await planTrims(topicsIn(this.#options, bucket.name), budget);
    for (const { partition, logStart } of trims) {
      await this.#attempt(partition, eviction, async () => {
        const before = { logStart: partition.logStart, sizeBytes: partition.sizeBytes };
        await partition.deleteRecordsBefore(logStart);
        return before;
      });
    }
  }

  async #attempt(
    partition: PartitionLog,
    eviction: Eviction,
    work: () => Promise<RetainedBefore | undefined>,
  ): Promise<void> {
    const { log } = this.#options;
    try {
      const before = await work();
      if (before !== undefined) eviction.note(partition, before);
    } catch (error) {
      const why = error instanceof XylemError ? error.message : String(error);
      eviction.fail(partition, why);
      log.warn("retention failed", { topic: partition.topic, partition: partition.index, why });
    }
  }

  #isOver(signal: Abortion | undefined): boolean {
    return this.#isClosed || signal?.aborted === true;
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.schedule(0, resolve));
  }
}

/** Whether retention has to do with any of its partitions on this node. */
function hasAnyHere({ partitions }: Topic): boolean {
  return partitions.some(({ absence }) => absence === undefined);
}

function* asksOf(topics: readonly Topic[]): Generator<readonly Topic[]> {
  let asked: Topic[] = [];
  let count = 0;
  for (const topic of topics) {
    count += topic.partitions.length;
    if (asked.length > 0 && count > partitionsPerAsk) {
      yield asked;
      asked = [];
      count = topic.partitions.length;
    }
    asked.push(topic);
  }
  if (asked.length > 0) yield asked;
}
