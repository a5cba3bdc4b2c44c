import type { PartitionSight } from "../sight/partition-sight.ts";
import type { Topic } from "../topics/topics.ts";
import type { RunsByOffset } from "./record-runs.ts";
import type { Subscription } from "./subscription.ts";

/** A partition that somebody follows: one watch on it for all of them. */
export class FollowedPartition {
  readonly topic: Topic;
  readonly index: number;
  readonly sight: PartitionSight;
  readonly followers = new Set<Subscription>();
  /** What was read of it, for all who come by. */
  readonly runs: RunsByOffset = new Map();
  /** It advanced, and its followers have not been told yet. */
  isDirty = false;
  readonly #unwatch: () => void;

  constructor(
    { topic, index }: { readonly topic: Topic; readonly index: number },
    sight: PartitionSight,
    onAdvance: (followed: FollowedPartition) => void,
  ) {
    this.topic = topic;
    this.index = index;
    this.sight = sight;
    const advanced = (): void => onAdvance(this);
    // A partition that nothing happens to is shut, however many follow it.
    this.#unwatch = sight.onAdvance(Object.assign(advanced, { isPatient: true } as const));
  }

  close(): void {
    this.#unwatch();
  }
}
