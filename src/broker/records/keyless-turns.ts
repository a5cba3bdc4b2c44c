import type { Topic } from "../topics/topics.ts";

/** Spreads what has no key over the partitions of its topic: each request goes to the next one. */
export class KeylessTurns {
  readonly #next = new WeakMap<Topic, number>();

  next(topic: Topic): number {
    const index = (this.#next.get(topic) ?? 0) % topic.partitions.length;
    this.#next.set(topic, index + 1);
    return index;
  }
}
