import type { StopSignal } from "../../../base/stop-signal.ts";
import type { Broker } from "../../broker.ts";
import type { PartitionLog } from "../../partition/partition-log.ts";
import { type PartitionSight, sightOf } from "../../sight/partition-sight.ts";
import type { Topic } from "../../topics/topics.ts";

/** A partition and where its reader goes on. */
interface Awaited {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
}

/** Changes of a group that come together are looked at together. */
const changesGatheredMs = 20;

/** Notes whether a group changes, from here on until `stop`. */
export class GroupChanges {
  readonly stop: () => void;
  #hasChanged = false;
  #listener: (() => void) | undefined;

  constructor({ groups }: Broker, group: string) {
    this.stop = groups.onChange(group, () => {
      this.#hasChanged = true;
      this.#listener?.();
    });
  }

  /** Calls back with the first change there was or comes. */
  listen(listener: () => void): void {
    this.#listener = listener;
    if (this.#hasChanged) listener();
  }
}

/** What is seen of partitions from when they are first looked at until `stop`. */
export class PartitionNews {
  readonly #broker: Broker;
  readonly #sights = new Map<PartitionLog, PartitionSight>();
  readonly #leaves: (() => void)[] = [];
  #listener: (() => void) | undefined;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Undefined: there is no such partition. */
  sightOf(topic: Topic, index: number): PartitionSight | undefined {
    const log = topic.partitions[index];
    if (log === undefined) return undefined;
    const known = this.#sights.get(log);
    if (known !== undefined) return known;
    const sight = sightOf(this.#broker, topic, log);
    this.#sights.set(log, sight);
    this.#leaves.push(sight.onAdvance(() => this.#listener?.()));
    return sight;
  }

  /** Calls back whenever one of them has advanced; undefined: no more. */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
  }

  stop(): void {
    for (const leave of this.#leaves.splice(0)) leave();
  }
}

/** What is heard of a group and of its partitions. */
export interface Heard {
  readonly changes: GroupChanges;
  readonly news: PartitionNews;
}

/**
 * Resolves when one of the partitions has more, soon after the group has changed, when it is time
 * for the next sign of life, or when `waitMs` is over or the signal aborts. Does not poll.
 */
export function waitForNews(
  { clock }: Broker,
  { changes, news }: Heard,
  how: {
    readonly logs: readonly Awaited[];
    readonly waitMs: number;
    readonly signal: StopSignal | undefined;
  },
): Promise<void> {
  const { logs, signal } = how;
  const hasMore = (): boolean =>
    logs.some(({ topic, partition, offset }) => {
      const bounds = news.sightOf(topic, partition)?.bounds;
      return bounds !== undefined && bounds.lastStable > offset;
    });
  return new Promise((resolve) => {
    const stops: (() => void)[] = [];
    const end = (): void => {
      for (const stop of stops.splice(0)) stop();
      resolve();
    };
    stops.push(clock.schedule(how.waitMs, end));
    let isGathering = false;
    changes.listen(() => {
      if (isGathering) return;
      isGathering = true;
      stops.push(clock.schedule(changesGatheredMs, end));
    });
    news.listen(() => {
      if (hasMore()) end();
    });
    stops.push(() => news.listen(undefined));
    signal?.addEventListener("abort", end, { once: true });
    stops.push(() => signal?.removeEventListener("abort", end));
    if (hasMore() || signal?.aborted === true) end();
  });
}
