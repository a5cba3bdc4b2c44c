import { ControllerImage } from "../../../replication/controller/controller-image.ts";
import { formatUuid } from "../../../base/uuid.ts";
import type { BrokerConfigs } from "../../configs/broker-configs.ts";
import { overrideTopicSettings } from "../../configs/topic-defaults.ts";
import type { Change, CoordinatorEntry } from "../../ports/coordinator.ts";
import { readTopicEntry } from "../../topics/read-topic-entry.ts";
import { topicsPrefix, type TopicEntry } from "../../topics/topic-entry.ts";
import type { Cluster } from "../cluster.ts";
import type { ImageNews } from "../cluster-image.ts";
import { nodeKey } from "../membership/node-entry.ts";
import { topicRules } from "./topic-rules.ts";

/** Keeps what the controller looks at as new as what its node knows. */
export class ControllerView {
  readonly image = new ControllerImage();
  readonly #cluster: Cluster;
  readonly #configs: BrokerConfigs;
  readonly #topics = new Map<string, TopicEntry>();
  #nodeIds = new Set<number>();

  constructor(cluster: Cluster, configs: BrokerConfigs, topics: readonly CoordinatorEntry[]) {
    this.#cluster = cluster;
    this.#configs = configs;
    this.#setNodes();
    this.image.setEra(cluster.restored.era);
    for (const { key, value } of topics) {
      const name = key.slice(topicsPrefix.length);
      const entry = this.#readTopic(name, value);
      if (entry !== undefined) this.#setTopic(name, entry);
    }
    for (const [key, { config, revision }] of cluster.image.chains) {
      this.image.setChain({ key, config, revision });
    }
  }

  takeImage({ nodesChanged, chains }: ImageNews): void {
    if (nodesChanged) this.#setNodes();
    this.image.setEra(this.#cluster.restored.era);
    for (const key of chains) {
      const chain = this.#cluster.image.chains.get(key);
      if (chain === undefined) this.image.removeChain(key);
      else this.image.setChain({ key, ...chain });
    }
  }

  takeTopics(changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      const name = key.slice(topicsPrefix.length);
      const before = this.#topics.get(name);
      const entry = value === null ? undefined : this.#readTopic(name, value);
      // What can not be read is as it was.
      if (value !== null && entry === undefined) continue;
      const isSame = before && entry && formatUuid(before.id) === formatUuid(entry.id);
      if (before !== undefined && isSame !== true) this.image.removeTopic(formatUuid(before.id));
      if (entry === undefined) this.#topics.delete(name);
      else this.#setTopic(name, entry);
    }
  }

  /** Defaults of topics have changed. */
  takeDefaults(): void {
    for (const [name, entry] of this.#topics) this.#setTopic(name, entry);
  }

  #readTopic(name: string, value: string): TopicEntry | undefined {
    const { settings } = this.#configs;
    return readTopicEntry(this.#cluster, { name, value }, settings["partitions.max"]);
  }

  #setTopic(name: string, entry: TopicEntry): void {
    this.#topics.set(name, entry);
    const { id, partitions, configs: own } = entry;
    const settings = overrideTopicSettings(this.#configs.topicDefaultsOf(name), own);
    this.image.setTopic(formatUuid(id), topicRules(name, partitions, settings));
  }

  #setNodes(): void {
    const { image, feed } = this.#cluster;
    const present = new Set<number>();
    for (const { id, incarnation, lineages, isDraining, isFull = false } of image.nodes) {
      if (lineages === undefined) continue;
      present.add(id);
      const revision = feed.revisionOf(nodeKey(id));
      const { lost } = lineages;
      this.image.setNode({ id, incarnation, lineages, lost, isDraining, isFull, revision });
    }
    for (const id of this.#nodeIds) if (!present.has(id)) this.image.removeNode(id);
    this.#nodeIds = present;
    this.image.setStarting(image.startingIds);
    this.image.setSeats(image.seats);
  }
}
