import type { Random } from "../../../base/random.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { drawBetween, drawOf, drawOneIn } from "../../../simulation/draw.ts";
import { errorName } from "../error-name.ts";
import type { TopicRules } from "../history.ts";
import type { Client } from "../simulated-client.ts";
import { keyOf, type KnownTopic, type World } from "../world.ts";
import { expectNoAnswer } from "./producer.ts";
import { listOffset } from "./read-partition.ts";

const tryAgainMs = 700;
const liveTopicsMax = 5;
/** Kafka's numbers: a topic among what has configs, and a config that is the topic's own. */
const topicResource = 2;
const topicSource = 1;

interface Wanted {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicAdminOptions {
  readonly pauseMsMax?: number;
  /** How short a chain may become and still commit: each topic draws one; none: the default. */
  readonly minInsyncReplicas?: readonly number[];
}

/** Makes topics, deletes them, makes them anew, and deletes records. */
export class TopicAdmin {
  readonly #world: World;
  readonly #random: Random;
  readonly #client: Client;
  #count = 0;
  #goneNames: string[] = [];
  readonly #pauseMsMax: number;
  readonly #minInsyncReplicas: readonly number[];
  readonly #insyncRandom: Random;

  constructor(world: World, options: TopicAdminOptions = {}) {
    const { pauseMsMax = 4_000, minInsyncReplicas = [] } = options;
    this.#pauseMsMax = pauseMsMax;
    this.#minInsyncReplicas = minInsyncReplicas;
    this.#insyncRandom = world.fork("insync replicas of admin");
    this.#world = world;
    this.#random = world.fork("admin");
    this.#client = world.client("admin");
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, 1, this.#pauseMsMax));
      try {
        await this.#act();
      } catch (error) {
        expectNoAnswer(error);
      }
    }
    this.#client.close();
  }

  /** Makes a topic, whatever it takes; what `own` does not set is drawn. */
  async create(
    rules: TopicRules = this.#drawRules(),
    own: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const isAnew = this.#goneNames.length > 0 && drawOneIn(this.#random, 2);
    const name = isAnew ? (this.#goneNames.pop() as string) : `t${(this.#count += 1)}`;
    const partitions = drawBetween(this.#random, 1, 3);
    const configs = { ...configsOf(rules, this.#random), ...this.#drawInsync(), ...own };
    while (!this.#world.isEnding) {
      const id = await this.#tryCreate({ name, partitions, configs });
      if (id !== undefined) {
        const madeMs = this.#world.clock.monotonicMs();
        const what = { name, id, key: formatUuid(id), partitions, rules };
        const topic = { ...what, madeMs, isGoing: false };
        this.#world.topics.push(topic);
        const made = { kind: "topicCreated", topicId: topic.key, name, partitions, rules } as const;
        this.#world.record(made);
        this.#world.tell("admin", `made ${name} ${JSON.stringify(Object.entries(configs))}`);
        return;
      }
      await this.#world.sleep(tryAgainMs);
    }
  }

  async #act(): Promise<void> {
    const topics = this.#world.liveTopics();
    if (topics.length < liveTopicsMax && drawOneIn(this.#random, 3)) return await this.create();
    const topic = topics.length > 0 ? drawOf(this.#random, topics) : undefined;
    if (topic === undefined) return;
    const mayGo = topics.length > 2 && topic.isKept !== true;
    if (mayGo && drawOneIn(this.#random, 5)) return await this.#delete(topic);
    await this.#deleteRecords(topic);
  }

  /** The id of the topic; of one that an unanswered request had made already, that one's. */
  async #tryCreate(wanted: Wanted): Promise<Uint8Array | undefined> {
    const { name, partitions: numPartitions } = wanted;
    const configs = Object.entries(wanted.configs).map(([key, value]) => ({ name: key, value }));
    try {
      const topics = [{ name, numPartitions, replicationFactor: -1, assignments: [], configs }];
      const answer = await this.#world.ask(this.#client, "CreateTopics", 7, { topics });
      const made = answer.topics[0];
      if (made?.errorCode === 0) return made.topicId;
      const error = errorName(made?.errorCode ?? -1);
      this.#world.record({ kind: "answer", api: "CreateTopics", error });
      if (error !== "TOPIC_ALREADY_EXISTS") return undefined;
      return await this.#takeOrDelete(wanted);
    } catch (error) {
      expectNoAnswer(error);
      return undefined;
    }
  }

  /**
   * What has the name already is taken if it is what was wanted, else deleted. A node that lags may
   * have taken one that is gone for there, or gone for one that is; and a request that was given up
   * before an earlier topic of this name was made and deleted may have come into effect since.
   */
  async #takeOrDelete(wanted: Wanted): Promise<Uint8Array | undefined> {
    const asked = { topics: [{ name: wanted.name }], allowAutoTopicCreation: false };
    const found = (await this.#world.ask(this.#client, "Metadata", 12, asked)).topics[0];
    if (found?.errorCode !== 0) return undefined;
    const { topicId, partitions } = found;
    if (!this.#world.topics.some(({ key }) => key === formatUuid(topicId))) {
      const own = await this.#describeConfigs(wanted.name);
      if (own === undefined) return undefined;
      const isAsLarge = partitions.length === wanted.partitions;
      if (isAsLarge && areEqual(own, wanted.configs)) return topicId;
    }
    const body = { topics: [{ topicId }], timeoutMs: 5_000 };
    await this.#world.ask(this.#client, "DeleteTopics", 6, body);
    return undefined;
  }

  /** What was set of a topic itself. */
  async #describeConfigs(topic: string): Promise<Record<string, string> | undefined> {
    const what = { resourceType: topicResource, resourceName: topic, configurationKeys: null };
    const body = { resources: [what] };
    const found = (await this.#world.ask(this.#client, "DescribeConfigs", 4, body)).results[0];
    if (found?.errorCode !== 0) return undefined;
    const own = found.configs.filter(({ configSource }) => configSource === topicSource);
    return Object.fromEntries(own.map(({ name, value }) => [name, value ?? ""]));
  }

  async #delete(topic: KnownTopic): Promise<void> {
    topic.isGoing = true;
    this.#world.record({ kind: "topicDeleted", topicId: topic.key, isSure: false });
    while (!this.#world.isEnding) {
      try {
        const body = { topics: [{ topicId: topic.id }], timeoutMs: 5_000 };
        const answer = await this.#world.ask(this.#client, "DeleteTopics", 6, body);
        const error = errorName(answer.responses[0]?.errorCode ?? -1);
        if (error === "NONE" || error === "UNKNOWN_TOPIC_ID") {
          this.#world.record({ kind: "topicDeleted", topicId: topic.key, isSure: true });
          this.#world.tell("admin", `deleted ${topic.name}`);
          this.#goneNames.push(topic.name);
          return;
        }
        this.#world.record({ kind: "answer", api: "DeleteTopics", error });
      } catch (error) {
        expectNoAnswer(error);
      }
      await this.#world.sleep(tryAgainMs);
    }
  }

  async #deleteRecords(topic: KnownTopic): Promise<void> {
    if (this.#world.mayBeTakenForAnother(topic)) return;
    const target = { topic, index: drawBetween(this.#random, 0, topic.partitions - 1) };
    const end = await listOffset(this.#world, this.#client, target, -1);
    if (end === undefined || end === 0) return;
    const before = drawBetween(this.#random, 0, end);
    const partition = keyOf(target);
    this.#world.record({ kind: "deleteAsked", partition, before });
    const partitions = [{ partitionIndex: target.index, offset: before }];
    const askedAt = this.#world.history.length;
    const answer = await this.#world.ask(this.#client, "DeleteRecords", 2, {
      topics: [{ name: topic.name, partitions }],
      timeoutMs: 5_000,
    });
    const part = answer.topics[0]?.partitions[0];
    const error = errorName(part?.errorCode ?? -1);
    this.#world.tell("admin", `delete ${topic.name}-${target.index} before ${before}: ${error}`);
    if (error === "NONE") {
      const logStart = Number(part?.lowWatermark);
      this.#world.record({ kind: "deleted", partition, logStart, askedAt });
    } else this.#world.record({ kind: "answer", api: "DeleteRecords", error });
  }

  #drawInsync(): Record<string, string> {
    if (this.#minInsyncReplicas.length === 0) return {};
    const drawn = drawOf(this.#insyncRandom, this.#minInsyncReplicas);
    return { "min.insync.replicas": String(drawn) };
  }

  #drawRules(): TopicRules {
    const durability = drawOneIn(this.#random, 4) ? "os" : "fsync";
    const hasRetention = drawOneIn(this.#random, 4);
    if (!drawOneIn(this.#random, 3)) return { durability, hasRetention, isCompacted: false };
    const deleteRetentionMs = drawOf(this.#random, [1_000, 20_000, 600_000]);
    return { durability, hasRetention, isCompacted: true, deleteRetentionMs };
  }
}

function areEqual(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => one[name] === other[name]);
}

function configsOf(rules: TopicRules, random: Random): Record<string, string> {
  const configs: Record<string, string> = {
    durability: rules.durability,
    "internal.segment.bytes": String(drawOf(random, [1_500, 4_000, 20_000])),
    "index.interval.bytes": String(drawOf(random, [1, 300, 4_096])),
    "file.delete.delay.ms": String(drawOf(random, [0, 1_000, 20_000])),
  };
  if (rules.hasRetention) {
    const [name, value] = drawOf(random, [
      ["retention.bytes", "6000"],
      ["retention.ms", "15000"],
      ["retention.records", "25"],
    ] as const);
    configs[name] = value;
  }
  if (drawOneIn(random, 3)) configs["segment.ms"] = "10000";
  if (rules.isCompacted) {
    configs["cleanup.policy"] = rules.hasRetention ? "compact,delete" : "compact";
    configs["delete.retention.ms"] = String(rules.deleteRetentionMs);
    configs["min.cleanable.dirty.ratio"] = drawOf(random, ["0.01", "0.3"]);
    if (drawOneIn(random, 4)) configs["min.compaction.lag.ms"] = "5000";
    if (drawOneIn(random, 4)) configs["max.compaction.lag.ms"] = "8000";
  }
  return configs;
}
