import { equalBytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { makeUuid, type Uuid } from "../../base/uuid.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import { checkTopicConfigs } from "../configs/check-topic-configs.ts";
import { overrideTopicSettings } from "../configs/topic-defaults.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { PartitionStorage } from "../ports/partition-storage.ts";
import { isInternalTopic } from "./internal-topics.ts";
import { newInternalTopic } from "./new-internal-topic.ts";
import { checkNewName } from "./check-new-name.ts";
import {
  assignedBy,
  checkGrowth,
  type GrowOptions,
  planPartitions,
  type NewTopic,
  type TopicShape,
} from "./new-topic.ts";
import { PartitionBudget } from "./partition-budget.ts";
import { reconcileStorage } from "./reconcile-storage.ts";
import { GapReporter } from "./gap-reporter.ts";
import { TopicImage } from "./topic-image.ts";
import type { Assignment, ClusterParts } from "./topic-chains.ts";
import type { TopicEntry } from "./topic-entry.ts";
import { entryOf, TopicLife } from "./topic-life.ts";
import { TopicTurns } from "./topic-turns.ts";
import { followTopics, type TopicNews } from "./follow-topics.ts";
import { type ForkOptions, forkPartitions } from "./fork-partitions.ts";
import { compacts, type ConfigsChange, LiveTopic, type Topic } from "./live-topic.ts";

export type { Topic } from "./live-topic.ts";

export interface TopicsOptions {
  readonly coordinator: Coordinator;
  readonly storage: PartitionStorage;
  readonly configs: BrokerConfigs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Undefined on a node by itself. */
  readonly cluster?: ClusterParts | undefined;
}

/** The most topics that are opened at a time. */
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
  readonly #turns: TopicTurns;
  readonly #creating = new Set<string>();
  /** Topics on their way: they count against `topics.max` as well. */
  #makingCount = 0;
  readonly #budget = new PartitionBudget();
  readonly #life: TopicLife;
  readonly #gaps: GapReporter;
  #unfollow = (): void => {};
  readonly #onDeleted = new Set<(topic: Topic) => void>();
  readonly #onGrown = new Set<(topic: Topic) => void>();

  private constructor(options: TopicsOptions) {
    this.#options = options;
    this.#turns = new TopicTurns(options.cluster?.chains);
    this.#life = new TopicLife({ ...options, chains: options.cluster?.chains });
    this.#gaps = new GapReporter({ ...options, image: this.#image, turns: this.#turns });
  }

  /** Opens every topic the coordinator knows, finishes deletions, takes over unknown folders. */
  static async open(options: TopicsOptions): Promise<Topics> {
    const topics = new Topics(options);
    // From before the first read: nothing that happens meanwhile is missed.
    const opened = topics.#follow();
    const stored = await reconcileStorage(options);
    await inParallel(stored, openingMax, ({ name, entry, revision }) =>
      topics.#adopt(name, entry, revision),
    );
    opened();
    topics.#gaps.report();
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

  /** How many replicas each of its partitions has. */
  replicasOf(topic: Topic): number {
    return this.#options.cluster?.chains.replicaCount(topic) ?? 1;
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

  /** Told once the topic has further partitions, or another node has made it. */
  onGrown(listener: (topic: Topic) => void): () => void {
    this.#onGrown.add(listener);
    return () => this.#onGrown.delete(listener);
  }

  /**
   * Makes a topic: durable and usable when it resolves. Throws, in this order,
   * INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_CONFIG, and what `planPartitions` finds.
   */
  create(asked: NewTopic): Promise<Topic> {
    return this.#turns.change(asked.name, async () => {
      const plan = this.plan(asked);
      const isDense = !compacts(this.#settingsOf(asked.name, plan.configs));
      const entry = { id: makeUuid(this.#options.random), ...plan, isDense };
      const assignment = this.#assign(asked, plan);
      const topic = this.#makeTopic(asked.name, entry, 0);
      return await this.#within(plan.partitions, () =>
        this.#add(topic, () => this.#life.make(topic, entry, assignment)),
      );
    });
  }

  /**
   * Makes a topic that begins with the records of another one, of each partition those below its
   * cut, and with its configs. It appears whole or, also after a crash, not at all. Throws as
   * `create`, and UNKNOWN_TOPIC_OR_PARTITION or INVALID_REQUEST for what can not be forked.
   */
  fork(source: string, name: string, how: ForkOptions): Promise<Topic> {
    return this.#turns.take(name, async () => {
      const from = this.#get(source);
      const { isInternal, isDense, configs } = from;
      if (isInternal) throw new XylemError("INVALID_REQUEST", `${source} is not to be forked`);
      // Its readers would take foreign records for their own.
      if (isInternalTopic(name)) throw new XylemError("INVALID_REQUEST", `${name} is no fork`);
      const count = from.partitions.length;
      const plan = this.plan({ name, partitions: count, replicas: -1, configs });
      const entry = { id: makeUuid(this.#options.random), ...plan, isDense };
      const topic = this.#makeTopic(name, entry, 0);
      const copy = async (): Promise<void> => {
        await forkPartitions(this.#options.storage, { from, count, topic }, how);
        // It may have come to be compacted meanwhile.
        entry.isDense = topic.isDense = from.isDense;
      };
      return await this.#within(count, () =>
        this.#add(topic, () => this.#life.makePrepared(topic, entry, copy)),
      );
    });
  }

  /** All the checks of `create`, and what it would make; makes nothing. */
  plan(asked: NewTopic): TopicShape & { readonly configs: ReadonlyMap<string, string> } {
    const { configs } = this.#options;
    this.#checkNewName(asked.name);
    const checked = checkTopicConfigs(asked.configs, configs.topicDefaultsOf(asked.name));
    const defaults = {
      partitions: configs.settings["num.partitions"],
      replicas: configs.settings["default.replication.factor"],
      isEverywhere: this.#settingsOf(asked.name, checked).replicas === "all",
    };
    return { ...planPartitions(asked, defaults, this.#nodeIds()), configs: checked };
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
    this.autoCreate(name).then(done, ({ message: why }: Error) => {
      done();
      this.#options.log.warn("topic was not created on demand", { topic: name, why });
    });
  }

  /**
   * One of the broker's own topics, made on first need with its own partitions and configs. Throws
   * as `newInternalTopic`, before the nodes are up that are to hold it.
   */
  async ensureInternal(name: string): Promise<Topic> {
    const found = this.#image.find(name);
    if (found !== undefined) return found;
    const { configs, cluster } = this.#options;
    return await this.#orExisting(name, newInternalTopic(name, configs.settings, cluster?.chains));
  }

  /** Durable when it resolves; files are gone then, or at the next start. `id`: only that topic. */
  delete(name: string, id?: Uuid): Promise<void> {
    return this.#turns.change(name, async () => {
      const topic = this.#get(name, id);
      await this.#life.forget(topic);
      await this.#drop(topic);
    });
  }

  /**
   * Grows a topic to `count` partitions. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS,
   * INVALID_REPLICA_ASSIGNMENT. With `validateOnly` it makes nothing.
   */
  addPartitions(name: string, count: number, options: GrowOptions = {}): Promise<void> {
    return this.#turns.change(name, async () => {
      const topic = this.#get(name);
      const { chains } = this.#options.cluster ?? {};
      const replicas = this.replicasOf(topic);
      checkGrowth(topic, { count, replicas, ...options }, this.#nodeIds());
      if (options.validateOnly === true) return;
      const added = count - topic.storedCount;
      const entry = { ...entryOf(topic), partitions: count };
      const further = options.assignments ?? chains?.assign({ count: added, replicas });
      const opened = Math.max(0, count - topic.partitions.length);
      await this.#within(opened, () => this.#life.grow(topic, entry, further));
      for (const listener of this.#onGrown) listener(topic);
    });
  }

  /**
   * Replaces a topic's own configs by what `change` makes of the present ones, and has its
   * partitions follow. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG. A `change` that answers
   * undefined leaves everything as it is.
   */
  configure(name: string, change: ConfigsChange): Promise<void> {
    return this.#turns.change(name, async () => {
      const topic = this.#get(name);
      const changed = change(topic.configs);
      if (changed === undefined) return;
      const configs = checkTopicConfigs(changed, this.#options.configs.topicDefaultsOf(name));
      const settings = this.#settingsOf(topic.name, configs);
      const isDense = topic.isDense && !compacts(settings);
      await this.#life.rewrite(topic, { configs, isDense });
      topic.configs = configs;
      topic.configure(settings);
    });
  }

  /** Waits for changes under way. Partitions are closed by the storage that opened them. */
  async close(): Promise<void> {
    this.#unfollow();
    this.#gaps.close();
    await this.#turns.settled();
  }

  #nodeIds(): readonly number[] {
    return this.#options.cluster?.chains.nodeIds() ?? [this.#options.configs.nodeId];
  }

  #assign(asked: NewTopic, plan: { partitions: number; replicas: number }): Assignment | undefined {
    const chains = this.#options.cluster?.chains;
    const { partitions: count, replicas } = plan;
    return chains && (assignedBy(asked) ?? chains.assign({ count, replicas }));
  }

  /** What other nodes do, from the moment on at which the answer is called. */
  #follow(): () => void {
    const { cluster, log } = this.#options;
    if (cluster === undefined) return () => {};
    const { release, stop } = followTopics(cluster, {
      turns: this.#turns,
      log,
      find: (name) => this.#image.find(name),
      partitionsMax: () => this.#options.configs.settings["partitions.max"],
      apply: (news) => this.#apply(news),
    });
    this.#unfollow = stop;
    return release;
  }

  async #apply({ name, entry, revision }: TopicNews): Promise<void> {
    const known = this.#image.find(name);
    const isSame = known !== undefined && entry !== undefined && equalBytes(known.id, entry.id);
    if (known !== undefined && !isSame) await this.#drop(known);
    if (entry === undefined) return;
    if (!isSame) return this.#gaps.look(await this.#adopt(name, entry, revision));
    known.take(entry, revision);
    known.configure(this.#settingsOf(name, entry.configs));
    this.#gaps.look(known);
    const added = entry.partitions - known.partitions.length;
    if (added <= 0) return;
    this.#budget.add(added);
    await this.#life.openFurther(known, entry.partitions);
    for (const listener of this.#onGrown) listener(known);
  }

  /** A topic that the coordinator knows. */
  async #adopt(name: string, entry: TopicEntry, revision: number): Promise<LiveTopic> {
    const topic = this.#makeTopic(name, entry, revision);
    await this.#life.openFurther(topic, entry.partitions);
    this.#budget.add(entry.partitions);
    this.#image.add(topic);
    for (const listener of this.#onGrown) listener(topic);
    return topic;
  }

  /** A topic that the coordinator no longer knows. */
  async #drop(topic: LiveTopic): Promise<void> {
    this.#image.remove(topic);
    this.#budget.release(topic.partitions.length);
    for (const listener of this.#onDeleted) listener(topic);
    await this.#life.drop(topic);
  }

  #get(name: string, id?: Uuid): LiveTopic {
    const topic = this.#image.find(name);
    const isAnother = topic !== undefined && id !== undefined && !equalBytes(topic.id, id);
    if (topic !== undefined && !isAnother) return topic;
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

  async #add(topic: LiveTopic, make: () => Promise<void>): Promise<Topic> {
    this.#makingCount += 1;
    try {
      await make();
    } finally {
      this.#makingCount -= 1;
    }
    this.#image.add(topic);
    return topic;
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

  #makeTopic(name: string, entry: TopicEntry, revision: number): LiveTopic {
    const { id, configs, isDense, partitions: storedCount } = entry;
    const key = { name, id, revision, isDense, storedCount };
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
    this.#gaps.report();
  }
}
