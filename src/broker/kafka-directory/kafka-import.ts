import { XylemError } from "../../base/errors.ts";
import type { KafkaMetadata } from "../../log/kafka-metadata.ts";
import { changeConfigs } from "../configs/alter-resource-configs.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import type { ConfigChange } from "../configs/change-configs.ts";
import { parsePartitionName } from "../partition/partition-name.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { readEntry } from "../ports/read-entry.ts";
import { keepProducerIdsApart } from "../producer-ids.ts";
import type { Topics } from "../topics/topics.ts";
import { TopicImport } from "./import-topics.ts";
import {
  baseOf,
  changedConfigs,
  joinBase,
  type MetadataBase,
  noMetadata,
  parseBase,
} from "./metadata-base.ts";
import { type MetadataTools, readKafkaMetadata } from "./read-kafka-metadata.ts";

interface Parts extends MetadataTools {
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
}

interface StoredBase {
  readonly value: MetadataBase;
  /** Of the coordinator's entry; 0: there is none. */
  readonly revision: number;
}

const baseKey = "kafka-metadata";

/**
 * Takes over topics and configs of a data directory that Kafka wrote, from its metadata log; again
 * when Kafka has run in it meanwhile. Where a part of the log can not be read nothing counts as
 * deleted. Users, ACLs and quotas are not taken over.
 */
export class KafkaImport {
  readonly #parts: Parts;
  readonly #base: StoredBase;
  readonly #now: MetadataBase;

  private constructor(parts: Parts, base: StoredBase, now: MetadataBase) {
    this.#parts = parts;
    this.#base = base;
    this.#now = now;
  }

  /** Undefined: Kafka never wrote here, or nothing since it was looked at last. */
  static async begin(parts: Parts): Promise<KafkaImport | undefined> {
    const read = await readKafkaMetadata(parts);
    if (read === undefined) return undefined;
    const { metadata, isWhole } = read;
    const entry = await readEntry(parts.coordinator, baseKey);
    const base = {
      value: entry === undefined ? noMetadata : parseBase(entry.value),
      revision: entry?.revision ?? 0,
    };
    const seen = baseOf(metadata);
    const now = isWhole ? seen : joinBase(base.value, seen);
    if (JSON.stringify(now) === JSON.stringify(base.value)) return undefined;
    const started = new KafkaImport(parts, base, now);
    await started.#importTopics(metadata);
    return started;
  }

  /** Once the topics are open: the configs of brokers and groups; then the import is over. */
  async finish(topics: Topics): Promise<void> {
    const { value: base, revision } = this.#base;
    await this.#importConfigs(topics, "broker", [base.brokers, this.#now.brokers]);
    await this.#importConfigs(topics, "group", [base.groups, this.#now.groups]);
    const writes = [{ key: baseKey, value: JSON.stringify(this.#now) }];
    await this.#parts.coordinator.transact([{ key: baseKey, revision }], writes);
  }

  async #importTopics(metadata: KafkaMetadata): Promise<void> {
    const { disk, configs, coordinator } = this.#parts;
    const here = new Set<string>();
    for (const { name } of await disk.list("")) here.add(parsePartitionName(name)?.topic ?? "");
    for (const { name, partitions } of metadata.topics()) {
      const isOurs = [...partitions.values()].some((nodes) => nodes.includes(configs.nodeId));
      if (isOurs) here.add(name);
    }
    await keepProducerIdsApart(coordinator);
    const topics = new TopicImport(this.#parts);
    await topics.run(this.#base.value, this.#now, (name) => here.has(name));
  }

  async #importConfigs(
    topics: Topics,
    kind: "broker" | "group",
    [before, now]: readonly [MetadataBase["groups"], MetadataBase["groups"]],
  ): Promise<void> {
    for (const resource of new Set([...Object.keys(before), ...Object.keys(now)])) {
      const changes = changedConfigs(before[resource] ?? {}, now[resource] ?? {});
      for (const [name, value] of changes) {
        const operation = value === null ? "delete" : "set";
        await this.#changeConfig(topics, { kind, name: resource }, { name, value, operation });
      }
    }
  }

  /** A config that Kafka has and we do not is no reason not to start. */
  async #changeConfig(
    topics: Topics,
    resource: { kind: "broker" | "group"; name: string },
    change: ConfigChange,
  ): Promise<void> {
    const { configs, log } = this.#parts;
    try {
      await changeConfigs({ topics, configs }, resource, [change], { validateOnly: false });
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      const { kind, name } = resource;
      log.warn("left a config of Kafka's out", {
        [kind]: name,
        name: change.name,
        why: error.message,
      });
    }
  }
}
