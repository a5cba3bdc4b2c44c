import type { Clock } from "../../base/clock.ts";
import type { Broker } from "../broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { RecordScope } from "../records/stored-record.ts";
import { sightOf } from "../sight/partition-sight.ts";
import type { Topic } from "../topics/topics.ts";
import { FollowedPartition } from "./followed-partition.ts";
import type { Following } from "./following.ts";
import { RecordRuns } from "./record-runs.ts";
import type { Subscription } from "./subscription.ts";

/** Readers told in one turn of the loop; producers get the next one. */
const wakesPerTurn = 256;
/** What it takes to tell one reader and to send him what there is. A guess. */
const wakeCostMs = 0.04;
/** However many readers there are, none waits longer than this for being told. */
const paceMsMax = 100;

interface FollowedTopic {
  readonly partitions: Map<number, FollowedPartition>;
  /** Who follows all of it, later partitions too. */
  readonly whole: Set<Following>;
}

const hubs = new WeakMap<Broker, FollowHub>();

/**
 * Where all live readers of a broker meet: it watches each followed partition once, and tells its
 * readers that there is more. With many readers it does so at a pace that leaves the loop to
 * others; meanwhile what comes adds up.
 */
export class FollowHub {
  readonly runs: RecordRuns;
  readonly #broker: Broker;
  readonly #topics = new Map<Topic, FollowedTopic>();
  #dirty: FollowedPartition[] = [];
  #isPassDue = false;
  #nextPassMs = 0;
  #unwatch: (() => void)[] = [];

  private constructor(scope: RecordScope) {
    this.#broker = scope.broker;
    this.runs = new RecordRuns(scope);
  }

  static of(scope: RecordScope): FollowHub {
    const known = hubs.get(scope.broker);
    if (known !== undefined) return known;
    const hub = new FollowHub(scope);
    hubs.set(scope.broker, hub);
    return hub;
  }

  get clock(): Clock {
    return this.#broker.clock;
  }

  /** The partition as its followers share it; `join` it before the next turn. */
  follow(topic: Topic, log: PartitionLog): FollowedPartition {
    const { partitions } = this.#topicOf(topic);
    const known = partitions.get(log.index);
    if (known !== undefined) return known;
    const sight = sightOf(this.#broker, topic, log);
    const place = { topic, index: log.index };
    const followed = new FollowedPartition(place, sight, (one) => this.#advanced(one));
    partitions.set(log.index, followed);
    return followed;
  }

  join(subscription: Subscription): void {
    subscription.followed.followers.add(subscription);
  }

  leave(subscription: Subscription): void {
    const { followed } = subscription;
    followed.followers.delete(subscription);
    if (followed.followers.size > 0) return;
    followed.close();
    this.runs.dropAll(followed.runs);
    const { topic } = followed;
    this.#topics.get(topic)?.partitions.delete(followed.index);
    this.#forget(topic);
  }

  /** Later partitions of the topic are told to `following` as well. */
  joinTopic(topic: Topic, following: Following): void {
    this.#topicOf(topic).whole.add(following);
  }

  leaveTopic(topic: Topic, following: Following): void {
    this.#topics.get(topic)?.whole.delete(following);
    this.#forget(topic);
  }

  #topicOf(topic: Topic): FollowedTopic {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    if (this.#topics.size === 0) this.#watchTopics();
    const followed = { partitions: new Map(), whole: new Set<Following>() };
    this.#topics.set(topic, followed);
    return followed;
  }

  #forget(topic: Topic): void {
    const followed = this.#topics.get(topic);
    if (followed === undefined || followed.partitions.size > 0 || followed.whole.size > 0) return;
    this.#topics.delete(topic);
    if (this.#topics.size > 0) return;
    for (const unwatch of this.#unwatch) unwatch();
    this.#unwatch = [];
  }

  #watchTopics(): void {
    const { topics } = this.#broker;
    this.#unwatch = [
      topics.onDeleted((topic) => this.#deleted(topic)),
      topics.onGrown((topic) => this.#grown(topic)),
    ];
  }

  #deleted(topic: Topic): void {
    const followed = this.#topics.get(topic);
    if (followed === undefined) return;
    const readers = new Set(followed.whole);
    for (const { followers } of followed.partitions.values()) {
      for (const { following } of followers) readers.add(following);
    }
    for (const reader of readers) reader.endTopic(topic);
  }

  #grown(topic: Topic): void {
    for (const following of this.#topics.get(topic)?.whole ?? []) following.growTopic(topic);
  }

  /** Called where records are appended: notes it, the work is done later. */
  #advanced(followed: FollowedPartition): void {
    if (followed.isDirty) return;
    followed.isDirty = true;
    this.#dirty.push(followed);
    if (this.#isPassDue) return;
    this.#isPassDue = true;
    const waitMs = this.#nextPassMs - this.clock.monotonicMs();
    if (waitMs <= 0) void Promise.resolve().then(() => this.#startPass());
    else this.clock.schedule(waitMs, () => this.#startPass());
  }

  #startPass(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#isPassDue = false;
    let count = 0;
    for (const followed of dirty) {
      followed.isDirty = false;
      count += followed.followers.size;
    }
    const paceMs = Math.min(paceMsMax, Math.floor(count * wakeCostMs));
    this.#nextPassMs = this.clock.monotonicMs() + paceMs;
    this.#tell(eachFollower(dirty));
  }

  #tell(followers: Generator<Subscription>): void {
    for (let left = wakesPerTurn; left > 0; left -= 1) {
      const next = followers.next();
      if (next.done === true) return;
      next.value.following.advanced(next.value);
    }
    this.clock.schedule(0, () => this.#tell(followers));
  }
}

function* eachFollower(dirty: readonly FollowedPartition[]): Generator<Subscription> {
  for (const { followers } of dirty) yield* followers;
}
