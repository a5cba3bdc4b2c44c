import { assert } from "../../base/assert.ts";
import { nodeSettings, type NodeSettings } from "../../base/settings/node-settings.ts";
import { parseSetting } from "../../base/settings/parse-setting.ts";
import type { Setting } from "../../base/settings/setting.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { topicConfigsOf } from "../buckets/bucket-configs.ts";
import { Buckets } from "../buckets/buckets.ts";
import type { CoordinatorFeed } from "../cluster/coordinator-feed.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { clusterKey, ConfigStore, nodeKey, type Configs } from "./config-store.ts";
import { overrideTopicSettings, topicDefaults } from "./topic-defaults.ts";

const nodeRows: Readonly<Record<string, Setting<unknown>>> = nodeSettings;

/** A node setting's row by a name from outside; undefined when there is none. */
export function findNodeSetting(name: string): Setting<unknown> | undefined {
  return Object.hasOwn(nodeRows, name) ? nodeRows[name] : undefined;
}

export interface BrokerConfigsOptions {
  readonly coordinator: Coordinator;
  readonly nodeId: number;
  /** What the node was started with. */
  readonly settings: NodeSettings;
  /** The texts of those settings that somebody gave: file, environment, flags. */
  readonly given: Configs;
  /** In a cluster: what other nodes change is told by it. */
  readonly feed?: CoordinatorFeed | undefined;
}

/**
 * A node's settings as they are at this moment: those it was started with, below the dynamic
 * defaults of the cluster, below its own dynamic values; the last two live in the coordinator.
 */
export class BrokerConfigs {
  readonly nodeId: number;
  readonly store: ConfigStore;
  readonly buckets: Buckets;
  /** Live: fields of this object change while the node runs. Read them late, keep no copies. */
  readonly settings: NodeSettings;
  readonly given: Configs;
  readonly #start: NodeSettings;
  readonly #listeners = new Set<() => void>();
  #topicDefaults: TopicSettings;
  /** What topics in a bucket have that set nothing, by the bucket's name. */
  readonly #bucketDefaults = new Map<string, TopicSettings>();

  private constructor(options: BrokerConfigsOptions, store: ConfigStore, buckets: Buckets) {
    this.nodeId = options.nodeId;
    this.store = store;
    this.buckets = buckets;
    this.given = options.given;
    this.#start = Object.freeze({ ...options.settings });
    this.settings = { ...options.settings };
    this.#topicDefaults = topicDefaults(this.settings);
  }

  static async open(options: BrokerConfigsOptions): Promise<BrokerConfigs> {
    const { coordinator, feed } = options;
    const opened: { configs?: BrokerConfigs } = {};
    const onNews = (): void => opened.configs?.refresh();
    const store = await ConfigStore.open(coordinator, feed, onNews);
    const buckets = await Buckets.open(coordinator, feed, onNews);
    const configs = new BrokerConfigs(options, store, buckets);
    opened.configs = configs;
    configs.refresh();
    return configs;
  }

  /** What a topic in no bucket has that sets nothing. The same object until a default changes. */
  get topicDefaults(): TopicSettings {
    return this.#topicDefaults;
  }

  /** The same for a topic of this name: of its bucket, if it is in one. */
  topicDefaultsOf(topic: string): TopicSettings {
    const bucket = this.buckets.of(topic);
    if (bucket === undefined) return this.#topicDefaults;
    const known = this.#bucketDefaults.get(bucket.name);
    if (known !== undefined) return known;
    const configs = topicConfigsOf(bucket, this.#topicDefaults);
    const defaults = overrideTopicSettings(this.#topicDefaults, configs);
    this.#bucketDefaults.set(bucket.name, defaults);
    return defaults;
  }

  /** Dynamic values of this node alone. */
  get ofNode(): Configs {
    return this.store.get(nodeKey(this.nodeId));
  }

  /** Dynamic values of every node. */
  get ofCluster(): Configs {
    return this.store.get(clusterKey);
  }

  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Brings the live settings up to what the store holds, and tells the listeners. */
  refresh(): void {
    const live: Record<string, unknown> = this.settings as Record<string, unknown>;
    Object.assign(live, this.#start);
    for (const layer of [this.ofCluster, this.ofNode]) {
      for (const [name, text] of layer) {
        const row = findNodeSetting(name);
        assert(row !== undefined, `the node setting ${name} was never checked`);
        live[name] = parseSetting(name, row, text);
      }
    }
    this.#topicDefaults = topicDefaults(this.settings);
    this.#bucketDefaults.clear();
    for (const listener of this.#listeners) listener();
  }
}
