import type { CommittedOffset, OffsetRecord } from "../group-record.ts";

export interface StoredOffset extends CommittedOffset {
  readonly topic: string;
  readonly partition: number;
}

type Topics = Map<string, Map<number, CommittedOffset>>;

/**
 * The committed offsets of groups, by group, topic and partition. `apply` takes what is durable.
 * Records that are on their way are announced by `expect` and taken back by `settle`: they are
 * not readable yet, but who deletes must delete them as well.
 */
export class OffsetStore {
  readonly #groups = new Map<string, Topics>();
  readonly #expected = new Map<string, Map<string, ExpectedOffset>>();

  find(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition);
  }

  *all(group: string): Generator<StoredOffset> {
    for (const [topic, partitions] of this.#groups.get(group) ?? []) {
      for (const [partition, value] of partitions) yield { ...value, topic, partition };
    }
  }

  /** The groups with offsets of a topic, and those offsets by partition. */
  *ofTopic(topic: string): Generator<[string, ReadonlyMap<number, CommittedOffset>]> {
    for (const [group, topics] of this.#groups) {
      const partitions = topics.get(topic);
      if (partitions !== undefined) yield [group, partitions];
    }
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  /** Whether the group has any offset, durable or on its way. */
  holds(group: string): boolean {
    return this.#groups.has(group) || this.#expected.has(group);
  }

  isExpected(group: string, topic: string, partition: number): boolean {
    return this.#expected.get(group)?.has(expectedKey(topic, partition)) ?? false;
  }

  /** Every offset that a deletion has to name: durable ones and those on their way. */
  *toDelete(group: string): Generator<{ topic: string; partition: number }> {
    yield* this.all(group);
    for (const { topic, partition } of this.#expected.get(group)?.values() ?? []) {
      if (this.find(group, topic, partition) === undefined) yield { topic, partition };
    }
  }

  /** Groups with durable offsets or offsets on their way. */
  groupsToDelete(): Set<string> {
    return new Set([...this.#groups.keys(), ...this.#expected.keys()]);
  }

  expect({ group, topic, partition }: OffsetRecord): void {
    const expected = this.#expected.get(group) ?? new Map<string, ExpectedOffset>();
    this.#expected.set(group, expected);
    const key = expectedKey(topic, partition);
    const writes = (expected.get(key)?.writes ?? 0) + 1;
    expected.set(key, { topic, partition, writes });
  }

  /** The write of an expected record is over, well or not. */
  settle({ group, topic, partition }: OffsetRecord): void {
    const expected = this.#expected.get(group);
    const key = expectedKey(topic, partition);
    const writes = (expected?.get(key)?.writes ?? 1) - 1;
    if (expected === undefined) return;
    if (writes > 0) expected.set(key, { topic, partition, writes });
    else expected.delete(key);
    if (expected.size === 0) this.#expected.delete(group);
  }

  apply({ group, topic, partition, value }: OffsetRecord): void {
    if (value === null) return this.#remove(group, topic, partition);
    const topics: Topics = this.#groups.get(group) ?? new Map();
    this.#groups.set(group, topics);
    const partitions = topics.get(topic) ?? new Map<number, CommittedOffset>();
    topics.set(topic, partitions);
    partitions.set(partition, value);
  }

  #remove(group: string, topic: string, partition: number): void {
    const topics = this.#groups.get(group);
    const partitions = topics?.get(topic);
    if (topics === undefined || partitions === undefined) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.#groups.delete(group);
  }
}

interface ExpectedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly writes: number;
}

function expectedKey(topic: string, partition: number): string {
  return `${partition}/${topic}`;
}
