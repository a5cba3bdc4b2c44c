import type { XylemError } from "../../base/errors.ts";
import { type PartitionPlace, placeOf } from "../cluster/partition-place.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Broker } from "../broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { isLost, isMoved } from "./moved.ts";

/** Tries of one request, the first included. */
const triesMax = 6;
const firstPauseMs = 50;

export interface Tried {
  readonly log: PartitionLog;
  readonly place: PartitionPlace;
}

/** A node's view of where a partition is led. */
export function look(broker: Broker, topic: Topic, log: PartitionLog): Tried {
  return { log, place: placeOf(broker, topic.id, log) };
}

/** The waits of one request for a head that takes it: for news of one, and not for ever. */
export class Pauses {
  readonly #broker: Broker;
  readonly #endMs: number;
  #tries = 1;

  /** A head that died is replaced once its lease has run out and the others have agreed. */
  constructor(broker: Broker, timeoutMs: number) {
    this.#broker = broker;
    const { clock, settings } = broker;
    const patienceMs = 3 * settings["cluster.lease.ms"];
    this.#endMs = clock.monotonicMs() + Math.min(timeoutMs, patienceMs);
  }

  /** Whether it may be tried again, once it is over. `error` is why it has to. */
  async take(topic: Topic, tried: readonly Tried[], error: XylemError): Promise<boolean> {
    const { clock } = this.#broker;
    const leftMs = this.#endMs - clock.monotonicMs();
    if (this.#tries >= triesMax || leftMs <= 0) return false;
    const pauseMs = firstPauseMs * 2 ** this.#tries;
    this.#tries += 1;
    // The node is the right one, and is not ready.
    if (!isMoved(error) && !isLost(error)) {
      await this.#sleep(Math.min(pauseMs, leftMs));
      return true;
    }
    // Who answered that it is not the head may have heard of it later than this node.
    const wasAnswered = error.code !== "BROKER_NOT_AVAILABLE" && tried.every(hasHead);
    await this.#news(topic, tried, wasAnswered ? Math.min(pauseMs, leftMs) : leftMs);
    return true;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#broker.clock.schedule(ms, resolve));
  }

  /** Until all of them are to be found elsewhere than they were, at the longest so long. */
  #news(topic: Topic, tried: readonly Tried[], waitMs: number): Promise<void> {
    const broker = this.#broker;
    const cluster = broker.cluster as Cluster;
    return new Promise((resolve) => {
      const leaves: (() => void)[] = [];
      const end = (): void => {
        for (const leave of leaves) leave();
        resolve();
      };
      const check = (): void => {
        if (tried.every((one) => hasMoved(broker, topic, one))) end();
      };
      leaves.push(broker.clock.schedule(waitMs, end), cluster.onImage(check));
      for (const { log } of tried) leaves.push(log.onPlaced?.(check) ?? nothing);
      check();
    });
  }
}

function hasHead({ place }: Tried): boolean {
  return place.leaderId >= 0;
}

function hasMoved(broker: Broker, topic: Topic, { log, place }: Tried): boolean {
  if (log.absence === undefined) return true;
  const { leaderId, leaderEpoch } = placeOf(broker, topic.id, log);
  if (leaderId < 0 || leaderId === broker.identity.nodeId) return false;
  return leaderId !== place.leaderId || leaderEpoch !== place.leaderEpoch;
}

const nothing = (): void => {};
