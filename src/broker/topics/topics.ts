import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { makeUuid, type Uuid } from "../../base/uuid.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import { checkTopicConfigs } from "../configs/check-topic-configs.ts";
import { overrideTopicSettings } from "../configs/topic-defaults.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { PartitionStorage } from "../ports/partition-storage.ts";
import { Turns } from "../turns.ts";
import { internalTopics, isInternalTopic } from "./internal-topics.ts";
import { checkNewName } from "./check-new-name.ts";
import { checkGrowth, type GrowOptions, planPartitions, type NewTopic } from "./new-topic.ts";
import { PartitionBudget } from "./partition-budget.ts";
import { reconcileStorage } from "./reconcile-storage.ts";
import { rememberGaps } from "./remember-gaps.ts";
import { TopicImage } from "./topic-image.ts";
import type { TopicEntry } from "./topic-entry.ts";
import { collisionName } from "./topic-name.ts";
import { type ForkOptions, forkPartitions } from "./fork-partitions.ts";
import { openPartitions } from "./open-partitions.ts";
import { compacts, type ConfigsChange, LiveTopic, type Topic } from "./live-topic.ts";
import { forgetFiles, noteFiles, writeTopic } from "./write-topic.ts";

export type { Topic } from "./live-topic.ts";

export interface TopicsOptions {
  readonly coordinator: Coordinator;
  readonly storage: PartitionStorage;
  readonly configs: BrokerConfigs;
  readonly random: Random;
  readonly log: Log;
}

/** The most topics, and partitions of a topic, that are opened or removed at a time. */
const openingMax = 64;
/** The most topics that are made on demand at a time; for others the client asks again. */
const creatingMax = 1_000;

/**
 * The topics of this node: an image of what the coordinator holds, with their partitions open.
 * A change is written to the coordinator first and seen here afterwards, so that what somebody was
 * told outlives a crash. Changes of one name run one after the other.
 */
export class Topics {
  readonly #options: TopicsOptions;
  readonly #image = new TopicImage();
  readonly #turns = new Turns();
  readonly #creating = new Set<string>();
  /** Topics on their way: they count against `topics.max` as well. */
  #makingCount = 0;
  readonly #budget = new PartitionBudget();
  readonly #onDeleted = new Set<(topic: Topic) => void>();
  readonly #onGrown = new Set<(topic: Topic) => void>();

  private constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /** Opens every topic the coordinator knows, finishes deletions, takes over unknown folders. */
  static async open(options: TopicsOptions): Promise<Topics> {
    const topics = new Topics(options);
    const stored = await reconcileStorage(options);
    await inParallel(stored, openingMax, async ({ name, entry, revision }) => {
      const topic = topics.#makeTopic(name, entry, revision);
      topic.partitions = await topics.#openPartitions(topic, 0, entry.partitions);
      topics.#budget.add(entry.partitions);
      topics.#image.add(topic);
    });
    topics.#rememberGaps();
    options.configs.onChange(() => topics.#reconfigure());
    return topics;
  }

  get size(): number {
    return this.#image.size;
  }

  find(name: string): Topic | undefined {
    return this.#image.find(name);
  }

  findById(id: Uuid): Topic | undefined {
    return this.#image.findById(id);
  }

  /** All topics, sorted by name, internal ones included. Not to be changed. */
  list(): readonly Topic[] {
    return this.#image.list();
  }

  /** Told as soon as the topic can no longer be found, before its files go. */
  onDeleted(listener: (topic: Topic) => void): () => void {
    this.#onDeleted.add(listener);
    return () => this.#onDeleted.delete(listener);
  }

  /** Told once the topic has further partitions. */
  onGrown(listener: (topic: Topic) => void): () => void {
    this.#onGrown.add(listener);
    return () => this.#onGrown.delete(listener);
  }

  /**
   * Makes a topic: durable and usable when it resolves. Throws, in this order,
   * INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_CONFIG, and what `planPartitions` finds.
   */
  create(asked: NewTopic): Promise<Topic> {
    return this.#turns.take(collisionName(asked.name), async () => {
      const plan = this.plan(asked);
      const id = makeUuid(this.#options.random);
      const isDense = !compacts(this.#settingsOf(asked.name, plan.configs));
      const entry = { id, ...plan, isDense };
      return await this.#within(plan.partitions, () => this.#add(asked.name, entry));
    });
  }

  /**
   * Makes a topic that begins with the records of another one, of each partition those below its
   * cut, and with its configs. It appears whole or, also after a crash, not at all. Throws as
   * `create`, and UNKNOWN_TOPIC_OR_PARTITION or INVALID_REQUEST for what can not be forked.
   */
  fork(source: string, name: string, how: ForkOptions): Promise<Topic> {
    return this.#turns.take(collisionName(name), async () => {
      const from = this.#get(source);
      const { isInternal, isDense, configs } = from;
      if (isInternal) throw new XylemError("INVALID_REQUEST", `${source} is not to be forked`);
      // Its readers would take foreign records for their own.
      if (isInternalTopic(name)) throw new XylemError("INVALID_REQUEST", `${name} is no fork`);
      const count = from.partitions.length;
      const plan = this.plan({ name, partitions: count, replicas: -1, configs });
      const entry = { id: makeUuid(this.#options.random), ...plan, isDense };
      return await this.#within(count, () =>
        this.#add(name, entry, async (topic) => {
          const { coordinator, storage } = this.#options;
          await coordinator.transact([], [noteFiles(topic)]);
          await forkPartitions(storage, { from, count, topic }, how);
        }),
      );
    });
  }

  /** All the checks of `create`, and what it would make; makes nothing. */
  plan(asked: NewTopic): {
    readonly partitions: number;
    readonly replicas: number;
    readonly configs: ReadonlyMap<string, string>;
  } {
    const { configs } = this.#options;
    this.#checkNewName(asked.name);
    const checked = checkTopicConfigs(asked.configs, configs.topicDefaultsOf(asked.name));
    const defaults = {
      partitions: configs.settings["num.partitions"],
      replicas: configs.settings["default.replication.factor"],
    };
    return { ...planPartitions(asked, defaults, [configs.nodeId]), configs: checked };
  }

  /** The topic of this name, made with the node's defaults when there is none. */
  async autoCreate(name: string): Promise<Topic> {
    if (isInternalTopic(name)) return await this.ensureInternal(name);
    const found = this.#image.find(name);
    if (found !== undefined) return found;
    const asked = { name, partitions: -1, replicas: -1, configs: new Map<string, string>() };
    return await this.#orExisting(name, asked);
  }

  /**
   * Starts `autoCreate` unless it is under way, and does not wait. A name that cannot be made
   * throws at once, as `create`; a later failure is only logged, the client asks again.
   */
  startAutoCreate(name: string): void {
    this.#checkNewName(name);
    if (this.#creating.has(name) || this.#creating.size >= creatingMax) return;
    this.#creating.add(name);
    const done = (): boolean => this.#creating.delete(name);
    this.autoCreate(name).then(done, (error: Error) => {
      done();
      this.#options.log.warn("topic was not created on demand", {
        topic: name,
        why: error.message,
      });
    });
  }

  /** One of the broker's own topics, made on first need with its own partitions and configs. */
  async ensureInternal(name: string): Promise<Topic> {
    const found = this.#image.find(name);
    if (found !== undefined) return found;
    const internal = internalTopics.get(name);
    if (internal === undefined) {
      throw new XylemError("INVALID_TOPIC_EXCEPTION", `${name} is no internal topic`);
    }
    const { settings } = this.#options.configs;
    return await this.#orExisting(name, {
      name,
      partitions: internal.partitions(settings),
      replicas: internal.replicas(settings),
      configs: internal.configs(settings),
    });
  }

  /** Durable when it resolves; the files are gone then, or go at the next start. */
  delete(name: string): Promise<void> {
    return this.#turns.take(collisionName(name), async () => {
      const topic = this.#get(name);
      await writeTopic(this.#options.coordinator, topic, null);
      this.#image.remove(topic);
      this.#budget.release(topic.partitions.length);
      for (const listener of this.#onDeleted) listener(topic);
      await this.#removeFiles(topic, topic.partitions.length);
    });
  }

  /**
   * Grows a topic to `count` partitions. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS,
   * INVALID_REPLICA_ASSIGNMENT. With `validateOnly` it makes nothing.
   */
  addPartitions(name: string, count: number, options: GrowOptions = {}): Promise<void> {
    return this.#turns.take(collisionName(name), async () => {
      const topic = this.#get(name);
      checkGrowth(topic, { count, ...options }, [this.#options.configs.nodeId]);
      if (options.validateOnly === true) return;
      const added = count - topic.partitions.length;
      await this.#within(added, () => this.#grow(topic, count));
    });
  }

  /**
   * Replaces a topic's own configs by what `change` makes of the present ones, and has its
   * partitions follow. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG. A `change` that answers
   * undefined leaves everything as it is.
   */
  configure(name: string, change: ConfigsChange): Promise<void> {
    return this.#turns.take(collisionName(name), async () => {
      const topic = this.#get(name);
      const changed = change(topic.configs);
      if (changed === undefined) return;
      const configs = checkTopicConfigs(changed, this.#options.configs.topicDefaultsOf(name));
      const partitions = topic.partitions.length;
      const settings = this.#settingsOf(topic.name, configs);
      const isDense = topic.isDense && !compacts(settings);
      await writeTopic(this.#options.coordinator, topic, {
        id: topic.id,
        partitions,
        configs,
        isDense,
      });
      topic.configs = configs;
      topic.configure(settings);
    });
  }

  /** Waits for changes under way. Partitions are closed by the storage that opened them. */
  async close(): Promise<void> {
    await this.#turns.settled();
  }

  #get(name: string): LiveTopic {
    const topic = this.#image.find(name);
    if (topic !== undefined) return topic;
    throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
  }

  #checkNewName(name: string): void {
    const topicsMax = this.#options.configs.settings["topics.max"];
    checkNewName(name, this.#image, { making: this.#makingCount, topicsMax });
  }

  /** Makes that many partitions, unless it is too many; counts none if it fails. */
  async #within<T>(count: number, make: () => Promise<T>): Promise<T> {
    this.#budget.reserve(count, this.#options.configs.settings["partitions.max"]);
    try {
      return await make();
    } catch (error) {
      this.#budget.release(count);
      throw error;
    }
  }

  async #add(
    name: string,
    entry: TopicEntry,
    prepare?: (topic: LiveTopic) => Promise<void>,
  ): Promise<Topic> {
    const topic = this.#makeTopic(name, entry, 0);
    this.#makingCount += 1;
    try {
      await this.#store(topic, entry, prepare);
    } finally {
      this.#makingCount -= 1;
    }
    this.#image.add(topic);
    return topic;
  }

  async #store(
    topic: LiveTopic,
    entry: TopicEntry,
    prepare?: (topic: LiveTopic) => Promise<void>,
  ): Promise<void> {
    const { coordinator } = this.#options;
    const isPrepared = prepare !== undefined;
    try {
      // Its partitions are open afterwards.
      await prepare?.(topic);
      await writeTopic(coordinator, topic, entry, isPrepared ? [forgetFiles(topic)] : []);
    } catch (error) {
      if (isPrepared) await this.#removeFiles(topic, entry.partitions);
      throw error;
    }
    if (isPrepared) return;
    try {
      topic.partitions = await this.#openPartitions(topic, 0, entry.partitions);
    } catch (error) {
      await writeTopic(coordinator, topic, null);
      await this.#removeFiles(topic, entry.partitions);
      throw error;
    }
  }

  async #grow(topic: LiveTopic, count: number): Promise<void> {
    const { id, configs, isDense } = topic;
    const before = topic.partitions.length;
    await writeTopic(this.#options.coordinator, topic, { id, partitions: count, configs, isDense });
    try {
      const added = await this.#openPartitions(topic, before, count);
      topic.partitions = [...topic.partitions, ...added];
    } catch (error) {
      await writeTopic(this.#options.coordinator, topic, {
        id,
        partitions: before,
        configs,
        isDense,
      });
      for (let index = before; index < count; index++) {
        await this.#options.storage.removePartition(topic, index);
      }
      throw error;
    }
    for (const listener of this.#onGrown) listener(topic);
  }

  async #orExisting(name: string, asked: NewTopic): Promise<Topic> {
    try {
      return await this.create(asked);
    } catch (error) {
      const found = this.#image.find(name);
      if (found === undefined) throw error;
      return found;
    }
  }

  /** Files that cannot be removed now are removed at the next start. */
  async #removeFiles(topic: LiveTopic, count: number): Promise<void> {
    const { coordinator, storage, log } = this.#options;
    try {
      await inParallel(indexesOf(0, count), openingMax, async (index) => {
        await storage.removePartition(topic, index);
      });
      await coordinator.transact([], [forgetFiles(topic)]);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("files of a deleted topic are still there", { topic: topic.name, why });
    }
  }

  #openPartitions(topic: LiveTopic, first: number, end: number): Promise<readonly PartitionLog[]> {
    return openPartitions(this.#options.storage, topic, { first, end });
  }

  #makeTopic(name: string, entry: TopicEntry, revision: number): LiveTopic {
    const { id, configs, isDense } = entry;
    const key = { name, id, revision, isDense };
    return new LiveTopic(key, configs, this.#settingsOf(name, configs));
  }

  #settingsOf(name: string, configs: ReadonlyMap<string, string>): TopicSettings {
    const settings = overrideTopicSettings(this.#options.configs.topicDefaultsOf(name), configs);
    return isInternalTopic(name) ? Object.freeze({ ...settings, durability: "fsync" }) : settings;
  }

  #reconfigure(): void {
    for (const topic of this.#image.list()) {
      topic.configure(this.#settingsOf(topic.name, topic.configs));
    }
    this.#rememberGaps();
  }

  #rememberGaps(): void {
    void rememberGaps({ ...this.#options, image: this.#image, turns: this.#turns });
  }
}

function indexesOf(first: number, end: number): readonly number[] {
  return Array.from({ length: end - first }, (_, at) => first + at);
}
