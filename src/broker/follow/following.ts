import { XylemError } from "../../base/errors.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import { findPartition, findTopic } from "../records/find-partition.ts";
import { matchesFilter, type RecordFilter } from "../records/record-filter.ts";
import { ReaderCount } from "../records/reader-count.ts";
import type { RecordScope, StoredRecord } from "../records/stored-record.ts";
import { isPassing } from "../sight/is-passing.ts";
import type { Topic } from "../topics/topics.ts";
import type { Cursor, CursorTopic } from "./cursor.ts";
import type { SeenPartition } from "./catch-up.ts";
import { FollowHub } from "./follow-hub.ts";
import { type RecordRun, RecordSlice, type SliceLimits } from "./record-run.ts";
import { Subscription } from "./subscription.ts";

export interface FollowStart {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A partition, or without one a topic, that gives no more: deleted, damaged or stopped. */
export interface FollowEnd {
  readonly topic: string;
  readonly partition?: number;
  readonly error: XylemError;
}

/**
 * The offset that was to be read next is not in the log: retention or a deletion was faster than
 * the reader, or the log lost its end with the machine. He goes on at `to`.
 */
export interface FollowMove {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface FollowedRecords {
  /** Of one partition, in order; other readers have the same objects. Empty: only news. */
  readonly records: readonly StoredRecord[];
  /** The records with forms that doors made of them. Each reader with a filter has his own. */
  readonly slice: RecordSlice;
  readonly moved: readonly FollowMove[];
  readonly ended: readonly FollowEnd[];
}

export interface FollowOptions {
  readonly filter?: RecordFilter | undefined;
  /** Bytes of records a filter goes over before `next` answers, with nothing if need be. */
  readonly sizeBytesMax: number;
}

/** In a cluster what fails for now is tried again after so long, or when there is news. */
const retryMs = 200;

/** What a record counts for that has no content: they are gone over too. */
const recordSizeBytesMin = 16;

interface FollowedTopic {
  readonly topic: Topic;
  readonly partitions: Map<number, Subscription>;
  /** Later partitions are followed too, from this index on. */
  laterFrom: number;
}

/** Most readers never have any: they share it. */
const none: readonly never[] = [];
const nothing = new RecordSlice([], 0, () => undefined);

/**
 * A live reader of any number of partitions: stored records first, then each as it is committed,
 * without gap and without duplicate. It is pulled: who does not ask for more costs nothing.
 */
export class Following {
  readonly #scope: RecordScope;
  readonly #hub: FollowHub;
  readonly #options: FollowOptions;
  readonly #topics = new Map<string, FollowedTopic>();
  /** Called when `next` is about to wait for what comes. */
  onWait: (() => void) | undefined;
  #ready: Subscription[] = [];
  #ended: readonly FollowEnd[] = none;
  #moved: readonly FollowMove[] = none;
  #wake: (() => void) | undefined;
  #isClosed = false;
  #count = 0;
  #passedCount = 0;

  /** Throws THROTTLING_QUOTA_EXCEEDED past `live.readers.max`; `close` makes room. */
  constructor(scope: RecordScope, options: FollowOptions) {
    this.#scope = scope;
    this.#hub = FollowHub.of(scope);
    this.#options = options;
    ReaderCount.of(scope.broker).enter();
  }

  /** Partitions that are followed. */
  get partitionCount(): number {
    return this.#count;
  }

  /** How often it went past something that `next` did not answer: the cursor moved in silence. */
  get passedCount(): number {
    return this.#passedCount;
  }

  /** What is seen of each partition. */
  get sights(): readonly SeenPartition[] {
    return [...this.#topics.values()].flatMap(({ topic, partitions }) =>
      [...partitions.values()].map(({ followed: { index, sight } }) => ({ topic, index, sight })),
    );
  }

  /** There is more to read, or may be: `next` is not going to wait. */
  get isBehind(): boolean {
    return this.#ready.length > 0;
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION, and INVALID_REQUEST for what is followed already. */
  subscribe({ topic: name, partition, offset }: FollowStart): void {
    const topic = findTopic(this.#scope.broker, name);
    findPartition(topic, partition);
    if (this.#topics.get(name)?.partitions.has(partition) === true) {
      throw new XylemError("INVALID_REQUEST", `${name}-${partition} is followed already`);
    }
    this.#add(this.#topicOf(topic), partition, offset);
  }

  /**
   * Follows all partitions of a topic, those that are added later too. Those without an offset are
   * read from their beginning. Throws as `subscribe`.
   */
  subscribeTopic(name: string, offsets: ReadonlyMap<number, number>): void {
    const topic = findTopic(this.#scope.broker, name);
    if (this.#topics.has(name)) {
      throw new XylemError("INVALID_REQUEST", `${name} is followed already`);
    }
    const followed = this.#topicOf(topic);
    followed.laterFrom = topic.partitions.length;
    this.#hub.joinTopic(topic, this);
    for (const { index } of topic.partitions) this.#add(followed, index, offsets.get(index) ?? 0);
  }

  /** Nothing more comes of it from here on. Throws INVALID_REQUEST for what is not followed. */
  unsubscribe(name: string, partition?: number): void {
    const followed = this.#topics.get(name);
    const isThere = partition === undefined || followed?.partitions.has(partition) === true;
    if (followed === undefined || !isThere) {
      const what = partition === undefined ? name : `${name}-${partition}`;
      throw new XylemError("INVALID_REQUEST", `${what} is not followed`);
    }
    this.#remove(followed, partition);
  }

  /**
   * What there is, of one partition at a time, each in its turn; else waits, without polling, for
   * what comes. Undefined once closed, or when `signal` aborts. One call at a time.
   */
  async next(limits: SliceLimits, signal?: StopSignal): Promise<FollowedRecords | undefined> {
    let scannedBytes = 0;
    while (!this.#isClosed && signal?.aborted !== true) {
      if (this.#ended.length > 0 || this.#moved.length > 0) return this.#answer(nothing);
      const subscription = this.#ready.shift();
      if (subscription === undefined) {
        await this.#park(signal);
        continue;
      }
      subscription.isReady = false;
      if (subscription.isOver) continue;
      const run = await this.#read(subscription);
      if (run === undefined || subscription.isOver) continue;
      const slice = this.#take(subscription, run, limits);
      if (slice.records.length > 0) return this.#answer(slice);
      this.#passedCount += 1;
      scannedBytes += run.sizeBytes + run.records.length * recordSizeBytesMin;
      if (scannedBytes >= this.#options.sizeBytesMax) return this.#answer(slice);
    }
    return undefined;
  }

  /** Where it is: behind all that `next` has answered. */
  cursor(): Cursor {
    const topics: CursorTopic[] = [];
    for (const { topic, partitions } of this.#topics.values()) {
      const entries = [...partitions].map(([index, { position }]) => ({ index, offset: position }));
      topics.push({ topic: topic.name, id: topic.id, partitions: entries });
    }
    return topics;
  }

  /** Twice is harmless. */
  close(): void {
    if (!this.#isClosed) ReaderCount.of(this.#scope.broker).leave();
    this.#isClosed = true;
    for (const followed of this.#topics.values()) this.#remove(followed);
    this.#ready = [];
    this.#wakeUp();
  }

  /** @internal The hub says that a partition has advanced. */
  advanced(subscription: Subscription): void {
    if (subscription.isReady || subscription.isOver) return;
    subscription.isReady = true;
    this.#ready.push(subscription);
    this.#wakeUp();
  }

  /** @internal The hub says that a topic is gone. */
  endTopic(topic: Topic): void {
    const followed = this.#topics.get(topic.name);
    if (followed?.topic !== topic) return;
    this.#remove(followed);
    const error = new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `${topic.name} was deleted`);
    this.#ended = [...this.#ended, { topic: topic.name, error }];
    this.#wakeUp();
  }

  /** @internal The hub says that a topic has further partitions. */
  growTopic(topic: Topic): void {
    const followed = this.#topics.get(topic.name);
    if (followed?.topic !== topic) return;
    for (; followed.laterFrom < topic.partitions.length; followed.laterFrom += 1) {
      this.#add(followed, followed.laterFrom, 0);
    }
  }

  #topicOf(topic: Topic): FollowedTopic {
    const known = this.#topics.get(topic.name);
    if (known !== undefined) return known;
    const followed = { topic, partitions: new Map<number, Subscription>(), laterFrom: Infinity };
    this.#topics.set(topic.name, followed);
    return followed;
  }

  #add(followed: FollowedTopic, index: number, offset: number): void {
    const shared = this.#hub.follow(followed.topic, findPartition(followed.topic, index));
    const subscription = new Subscription(this, shared, offset);
    this.#hub.join(subscription);
    followed.partitions.set(index, subscription);
    this.#count += 1;
    this.advanced(subscription);
  }

  #remove(followed: FollowedTopic, only?: number): void {
    const { topic, partitions } = followed;
    for (const [index, subscription] of partitions) {
      if (only !== undefined && index !== only) continue;
      subscription.isOver = true;
      partitions.delete(index);
      this.#count -= 1;
      this.#hub.leave(subscription);
    }
    if (partitions.size > 0) return;
    if (followed.laterFrom !== Infinity) this.#hub.leaveTopic(topic, this);
    this.#topics.delete(topic.name);
  }

  /** What lies at the position; undefined: nothing, or it is elsewhere, or all is over. */
  async #read(subscription: Subscription): Promise<RecordRun | undefined> {
    const { followed } = subscription;
    const { topic, index, sight } = followed;
    try {
      const loading = sight.load();
      if (loading !== undefined) await loading;
      if (this.#moveInto(subscription)) return undefined;
      const { position: offset, run } = subscription;
      if (run?.covers(offset) === true) return run;
      subscription.run = undefined;
      if (sight.stopped !== undefined) throw sight.stopped;
      const lastStable = sight.bounds?.lastStable ?? 0;
      if (offset >= lastStable) return undefined;
      const place = { topic, index, offset };
      const found = this.#hub.runs.read(followed.runs, place, lastStable);
      const read = found instanceof Promise ? await found : found;
      if (read.nextOffset > offset) return read;
      sight.doubt();
      return undefined;
    } catch (error) {
      this.#failed(subscription, error);
      return undefined;
    }
  }

  #failed(subscription: Subscription, error: unknown): void {
    if (!(error instanceof XylemError)) throw error;
    if (subscription.isOver) return;
    const { topic, index } = subscription.followed;
    if (this.#scope.broker.cluster !== undefined && isPassing(error)) {
      this.#hub.clock.schedule(retryMs, () => this.advanced(subscription));
      return;
    }
    // The log's start went past it while it was read.
    if (error.code === "OFFSET_OUT_OF_RANGE" && this.#moveInto(subscription)) return;
    const followed = this.#topics.get(topic.name);
    if (followed !== undefined) this.#remove(followed, index);
    this.#ended = [...this.#ended, { topic: topic.name, partition: index, error }];
  }

  #moveInto(subscription: Subscription): boolean {
    const { position: from, followed } = subscription;
    const { topic, index, sight } = followed;
    const { bounds } = sight;
    if (bounds === undefined) return false;
    const to = Math.min(Math.max(from, bounds.logStart), bounds.end);
    if (to === from) return false;
    subscription.position = to;
    subscription.run = undefined;
    this.#moved = [...this.#moved, { topic: topic.name, partition: index, from, to }];
    this.advanced(subscription);
    return true;
  }

  #take(subscription: Subscription, run: RecordRun, limits: SliceLimits): RecordSlice {
    const { filter } = this.#options;
    const { position } = subscription;
    const slice =
      filter === undefined
        ? run.slice(position, limits)
        : run.wanted(position, limits, (record) =>
            matchesFilter(filter, record, () => record.headers),
          );
    subscription.position = slice.nextOffset;
    subscription.run = run.covers(slice.nextOffset) ? run : undefined;
    const isMore = slice.nextOffset < (subscription.followed.sight.bounds?.lastStable ?? 0);
    if (isMore) this.advanced(subscription);
    return slice;
  }

  #answer(slice: RecordSlice): FollowedRecords {
    const answer = { records: slice.records, slice, moved: this.#moved, ended: this.#ended };
    this.#moved = none;
    this.#ended = none;
    return answer;
  }

  #park(signal: StopSignal | undefined): Promise<void> {
    this.onWait?.();
    const parked = new Promise<void>((resolve) => (this.#wake = resolve));
    if (signal === undefined) return parked;
    const wake = (): void => this.#wakeUp();
    signal.addEventListener("abort", wake, { once: true });
    return parked.then(() => signal.removeEventListener("abort", wake));
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
