import type { StopSignal } from "../../../base/stop-signal.ts";
import type { Broker } from "../../broker.ts";
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

/**
 * Resolves when one of the partitions has more, soon after the group has changed, when it is time
 * for the next sign of life, or when `waitMs` is over or the signal aborts. Does not poll.
 */
export function waitForNews(
  { clock }: Broker,
  changes: GroupChanges,
  how: {
    readonly logs: readonly Awaited[];
    readonly waitMs: number;
    readonly signal: StopSignal | undefined;
  },
): Promise<void> {
  const { logs, signal } = how;
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
    for (const { topic, partition } of logs) {
      const log = topic.partitions[partition];
      if (log === undefined) continue;
      const listener = (): void => {
        if (hasMore(logs)) end();
      };
      stops.push(log.onAdvance(listener));
    }
    signal?.addEventListener("abort", end, { once: true });
    stops.push(() => signal?.removeEventListener("abort", end));
    if (hasMore(logs) || signal?.aborted === true) end();
  });
}

function hasMore(logs: readonly Awaited[]): boolean {
  return logs.some(({ topic, partition, offset }) => {
    const log = topic.partitions[partition];
    return log !== undefined && log.lastStable > offset;
  });
}
