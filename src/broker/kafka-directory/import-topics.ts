import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { parseUuid, formatUuid } from "../../base/uuid.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import { checkTopicConfigs } from "../configs/check-topic-configs.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { internalTopics } from "../topics/internal-topics.ts";
import {
  formatTopicEntry,
  parseTopicEntry,
  topicKey,
  topicsPrefix,
  type TopicEntry,
} from "../topics/topic-entry.ts";
import { isTopicName } from "../topics/topic-name.ts";
import { changedConfigs, type KnownTopic, type MetadataBase } from "./metadata-base.ts";

interface Parts {
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
  readonly log: Log;
}

interface StoredEntry {
  readonly entry: TopicEntry;
  readonly revision: number;
}

/**
 * Brings the coordinator's topics up to Kafka's: what is new there since `base` is taken over, what
 * was changed or deleted there is so here; what was done here meanwhile stays.
 */
export class TopicImport {
  readonly #parts: Parts;
  readonly #stored = new Map<string, StoredEntry>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** `isHere` says whether this node has, or is to have, partitions of a topic. */
  async run(
    base: MetadataBase,
    now: MetadataBase,
    isHere: (name: string) => boolean,
  ): Promise<void> {
    const { entries } = await this.#parts.coordinator.read(topicsPrefix);
    for (const { key, value, revision } of entries) {
      const name = key.slice(topicsPrefix.length);
      this.#stored.set(name, { entry: parseTopicEntry(name, value), revision });
    }
    for (const [name, known] of Object.entries(base.topics)) {
      if (now.topics[name]?.id !== known.id) await this.#remove(name, known);
    }
    for (const [name, topic] of Object.entries(now.topics)) {
      const before = base.topics[name];
      if (before?.id === topic.id) await this.#change(name, before, topic);
      else if (isHere(name) && isTopicName(name)) await this.#add(name, topic);
    }
  }

  /** Deleted by Kafka, its files too. */
  async #remove(name: string, { id }: KnownTopic): Promise<void> {
    const stored = this.#stored.get(name);
    if (stored === undefined || formatUuid(stored.entry.id) !== id) return;
    await this.#write(name, stored, null);
    this.#parts.log.info("dropped a topic that Kafka has deleted", { topic: name, id });
  }

  async #add(name: string, topic: KnownTopic): Promise<void> {
    const { configs: broker, log } = this.#parts;
    const stored = this.#stored.get(name);
    if (stored !== undefined) {
      const isSame = formatUuid(stored.entry.id) === topic.id;
      if (!isSame) log.warn("kept our own topic: Kafka's has the same name", { topic: name });
      return;
    }
    const own = internalTopics.get(name)?.configs(broker.settings) ?? new Map<string, string>();
    const configs = this.#usable(name, own, new Map(Object.entries(topic.configs)));
    const { partitions } = topic;
    await this.#write(name, undefined, {
      id: parseUuid(topic.id),
      partitions,
      configs,
      isDense: false,
    });
    log.info("took over a topic of Kafka's metadata", { topic: name, partitions, id: topic.id });
  }

  async #change(name: string, before: KnownTopic, topic: KnownTopic): Promise<void> {
    const stored = this.#stored.get(name);
    const changes = changedConfigs(before.configs, topic.configs);
    if (changes.size === 0 && topic.partitions === before.partitions) return;
    if (stored === undefined || formatUuid(stored.entry.id) !== topic.id) return;
    const configs = this.#usable(name, stored.entry.configs, changes);
    const partitions = Math.max(stored.entry.partitions, topic.partitions);
    await this.#write(name, stored, { ...stored.entry, partitions, configs });
    this.#parts.log.info("took over what Kafka changed of a topic", { topic: name });
  }

  /** `own` with those changes that are known here; the others are named in the log. */
  #usable(
    topic: string,
    own: ReadonlyMap<string, string>,
    changes: ReadonlyMap<string, string | null>,
  ): ReadonlyMap<string, string> {
    const defaults = this.#parts.configs.topicDefaults;
    let usable = own;
    for (const [name, value] of changes) {
      const next = new Map(usable);
      if (value === null) next.delete(name);
      else next.set(name, value);
      try {
        usable = checkTopicConfigs(next, defaults);
      } catch (error) {
        if (!(error instanceof XylemError)) throw error;
        this.#parts.log.warn("left a config of Kafka's out", { topic, name, why: error.message });
      }
    }
    return usable;
  }

  async #write(
    name: string,
    stored: StoredEntry | undefined,
    entry: TopicEntry | null,
  ): Promise<void> {
    const key = topicKey(name);
    const compares = [{ key, revision: stored?.revision ?? 0 }];
    const value = entry === null ? null : formatTopicEntry(entry);
    const revision = await this.#parts.coordinator.transact(compares, [{ key, value }]);
    if (revision === undefined) {
      throw new XylemError("NOT_CONTROLLER", `Topic '${name}' was changed by another node.`);
    }
    if (entry === null) this.#stored.delete(name);
    else this.#stored.set(name, { entry, revision });
  }
}
