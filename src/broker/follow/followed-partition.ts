import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import type { RunsByOffset } from "./record-runs.ts";
import type { Subscription } from "./subscription.ts";

/** A partition that somebody follows: one watch on its log for all of them. */
export class FollowedPartition {
  readonly topic: Topic;
  readonly index: number;
  readonly log: PartitionLog;
  readonly followers = new Set<Subscription>();
  /** What was read of it, for all who come by. */
  readonly runs: RunsByOffset = new Map();
  /** It advanced, and its followers have not been told yet. */
  isDirty = false;
  readonly #unwatch: () => void;

  constructor(topic: Topic, log: PartitionLog, onAdvance: (followed: FollowedPartition) => void) {
    this.topic = topic;
    this.index = log.index;
    this.log = log;
    const advanced = (): void => onAdvance(this);
    // A partition that nothing happens to is shut, however many follow it.
    this.#unwatch = log.onAdvance(Object.assign(advanced, { isPatient: true } as const));
  }

  close(): void {
    this.#unwatch();
  }
}
