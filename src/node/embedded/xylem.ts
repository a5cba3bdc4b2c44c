import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { mergeSettings } from "../../base/settings/merge-settings.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { forkTopic, type ForkPoint } from "../../broker/copies/fork-topic.ts";
import {
  type BucketDescription,
  configureBucket,
  createBucket,
  listBuckets,
} from "../../broker/buckets/change-bucket.ts";
import type { ConfigChange } from "../../broker/configs/change-configs.ts";
import { type EvictScope, evictTopics } from "../../broker/retention/evict-topics.ts";
import type { EvictionReport } from "../../broker/retention/eviction.ts";
import type { ScrubReport } from "../../broker/scrub/scrubbing.ts";
import type { GuestRoutes } from "../../servers/http/guest-routes.ts";
import { batchTools } from "../open-broker.ts";
import { type NodeOptions, type RunningNode, startNode } from "../start-node.ts";
import { scrubNode } from "../scrub-node.ts";
import { checkOptions } from "./check-options.ts";
import { FairTurn } from "./fair-turn.ts";
import { Topic } from "./topic.ts";

type SettingValue = string | number | boolean | readonly string[];

export interface XylemOptions {
  /** A data directory. Without one everything is kept in memory. */
  readonly data?: string;
  readonly memory?: boolean;
  /** 0, which is the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Any other setting of docs/settings.md, by its name. */
  readonly settings?: { readonly [Name in keyof NodeSettings]?: SettingValue };
  /** Virtual time for tests (`xylem/testing`). */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where the broker tells what happens to it; nowhere by default. */
  readonly log?: Log;
  /**
   * The program's own HTTP routes, on the same port beside `/v1`: a Fastify plugin. Pages of other
   * origins are kept out of them as of the broker's own.
   */
  readonly routes?: GuestRoutes;
}

export interface TopicOptions {
  /** Partitions when the topic is made; the node's `num.partitions` when absent. */
  readonly partitions?: number;
  /** Kafka's topic configs by name, when the topic is made. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>;
}

/** Where a fork leaves its source; with all that is there when empty. */
export interface ForkAt {
  readonly offset?: number;
  readonly time?: Date;
}

/** Configs of a bucket by name: any topic's, and `bucket.retention.bytes`. */
export type BucketConfigs = Readonly<Record<string, string | number | boolean | null>>;

/** A broker inside this process: any Kafka client reaches it at `bootstrap`. */
export class Xylem implements AsyncDisposable {
  readonly #node: RunningNode;
  readonly #closing = new AbortController();
  readonly #turn = new FairTurn();

  /** For `Xylem.start`, and what starts one with more than its options say. */
  protected constructor(node: RunningNode) {
    this.#node = node;
    // Most programs will talk to it: load the doors while they go on.
    setImmediate(() => void node.warmUp().catch(() => undefined));
  }

  /**
   * Starts a broker: without options in memory, on a free loopback port. Throws StartError, which
   * names what did not work, for example a data directory that another process uses, and
   * INVALID_CONFIG for an option or a setting that there is not.
   */
  static async start(options: XylemOptions = {}): Promise<Xylem> {
    return new Xylem(await startEmbedded(options));
  }

  /** `host:port` for Kafka clients. */
  get bootstrap(): string {
    return this.#node.address;
  }

  /** Where HTTP is served. */
  get url(): string {
    return this.#node.url;
  }

  get port(): number {
    return this.#node.port;
  }

  /** The topic of that name, made when there is none. One that exists is left as it is. */
  async topic(name: string, options: TopicOptions = {}): Promise<Topic> {
    const { broker } = this.#node;
    if (broker.topics.find(name) === undefined) await this.#create(name, options);
    const closing = this.#closing.signal;
    return new Topic(name, { broker, tools: batchTools, closing, turn: this.#turn });
  }

  /** Names of all topics but the broker's own. */
  topics(): string[] {
    const topics = this.#node.broker.topics.list();
    return topics.filter(({ isInternal }) => !isInternal).map(({ name }) => name);
  }

  /**
   * Makes the topic `name` out of the records that `source` holds: all, those below an offset, or
   * those before a time, of each partition by itself. Each goes its own way afterwards.
   */
  async fork(source: string, name: string, at: ForkAt = {}): Promise<Topic> {
    let point: ForkPoint = { kind: "latest" };
    if (at.offset !== undefined) point = { kind: "offset", offset: at.offset };
    else if (at.time !== undefined) point = { kind: "time", timestampMs: Number(at.time) };
    await forkTopic(this.#node.broker.topics, { source, name, at: point });
    return await this.topic(name);
  }

  /**
   * Copies all of the broker as it is at one moment, topics, configs and groups, into a directory
   * that is empty or not there yet. A start with it as `data` works. Throws REQUEST_TIMED_OUT when
   * the signal aborts.
   */
  async snapshot(path: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    // Loaded here: a broker in memory works with no files otherwise.
    const { snapshotNode } = await import("../copies/snapshot-node.ts");
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const watch = { signal: AbortSignal.any(signals), progress: () => undefined };
    await snapshotNode(this.#node.broker, path, watch);
  }

  /**
   * Checks every batch of a topic, or of all, while they are in use, no faster than the setting
   * `log.scrub.io.max.bytes.per.second`. Throws UNKNOWN_TOPIC_OR_PARTITION, and REQUEST_TIMED_OUT
   * when the signal aborts.
   */
  async verify(topic?: string, { signal }: { signal?: AbortSignal } = {}): Promise<ScrubReport> {
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const watch = { signal: AbortSignal.any(signals), progress: () => undefined };
    return await scrubNode(this.#node.broker, topic, watch);
  }

  /**
   * Makes a bucket: topics named `<bucket>.<stream>` have its configs where they set none of their
   * own, and keep `bucket.retention.bytes` together. Throws DUPLICATE_RESOURCE, INVALID_CONFIG.
   */
  async createBucket(name: string, configs: BucketConfigs = {}): Promise<BucketDescription> {
    const texts = Object.entries(configs).flatMap(([key, value]) =>
      value === null ? [] : [[key, String(value)] as const],
    );
    return await createBucket(this.#node.broker, name, new Map(texts));
  }

  /** Changes configs of a bucket; null gives one back to its default. RESOURCE_NOT_FOUND. */
  async configureBucket(name: string, configs: BucketConfigs): Promise<BucketDescription> {
    const changes = Object.entries(configs).map(([key, value]): ConfigChange =>
      value === null
        ? { name: key, operation: "delete", value }
        : { name: key, operation: "set", value: String(value) },
    );
    return await configureBucket(this.#node.broker, name, changes);
  }

  buckets(): readonly BucketDescription[] {
    return listBuckets(this.#node.broker);
  }

  /** Applies retention now: to a topic, to a bucket with its topics, or to all there are. */
  async evict(scope: EvictScope = "all"): Promise<EvictionReport> {
    return await evictTopics(this.#node.broker, scope, this.#closing.signal);
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#node.broker.topics.delete(name);
  }

  /** Ends live reads, answers what is under way, flushes and stops. Twice is harmless. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#node.stop();
    // Handles go a turn after they are closed: who looks for leaks finds none.
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #create(name: string, options: TopicOptions): Promise<void> {
    const { topics } = this.#node.broker;
    const configs = Object.entries(options.configs ?? {}).map(
      ([key, value]) => [key, String(value)] as const,
    );
    const partitions = options.partitions ?? -1;
    try {
      await topics.create({ name, partitions, replicas: -1, configs: new Map(configs) });
    } catch (error) {
      if (!(error instanceof XylemError) || error.code !== "TOPIC_ALREADY_EXISTS") throw error;
    }
  }
}

/** A node as `Xylem.start` makes it, with what its options have no words for. */
export async function startEmbedded(
  options: XylemOptions,
  parts: Pick<NodeOptions, "disk" | "rehearsal"> = {},
): Promise<RunningNode> {
  checkOptions(options);
  const { clock, random, routes, log = silentLog } = options;
  const texts = toTexts(options);
  if (texts.has("data") && texts.get("memory") === "true") {
    throw new XylemError("INVALID_CONFIG", "data and memory exclude each other");
  }
  const merged = mergeSettings([{ origin: "Xylem.start", texts }]);
  return await startNode({
    ...merged,
    ...parts,
    log,
    ...(clock && { clock }),
    ...(random && { random }),
    ...(routes && { routes }),
  });
}

function toTexts(options: XylemOptions): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(options.settings ?? {})) {
    if (value !== undefined) texts.set(name, String(value));
  }
  texts.set("port", String(options.port ?? texts.get("port") ?? 0));
  if (options.host !== undefined) texts.set("host", options.host);
  if (options.data !== undefined) texts.set("data", options.data);
  const memory = options.memory ?? texts.get("memory") ?? !texts.has("data");
  texts.set("memory", String(memory));
  return texts;
}
