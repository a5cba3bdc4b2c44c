import { assert } from "../../base/assert.ts";
import type { KafkaMetadata } from "../../log/kafka-metadata.ts";

type Texts = Readonly<Record<string, string>>;

export interface KnownTopic {
  readonly id: string;
  readonly partitions: number;
  readonly configs: Texts;
}

/** What was seen of a Kafka cluster's metadata, by name: to tell at a later start what is new. */
export interface MetadataBase {
  readonly topics: Readonly<Record<string, KnownTopic>>;
  readonly brokers: Readonly<Record<string, Texts>>;
  readonly groups: Readonly<Record<string, Texts>>;
}

export const noMetadata: MetadataBase = { topics: {}, brokers: {}, groups: {} };

export function baseOf(metadata: KafkaMetadata): MetadataBase {
  const topics: Record<string, KnownTopic> = {};
  for (const { name, id, partitions } of metadata.topics()) {
    const configs = Object.fromEntries(metadata.configsOf("topic", name));
    topics[name] = { id, partitions: Math.max(-1, ...partitions.keys()) + 1, configs };
  }
  return { topics, brokers: configsOf(metadata, "broker"), groups: configsOf(metadata, "group") };
}

function configsOf(metadata: KafkaMetadata, kind: "broker" | "group"): Record<string, Texts> {
  return Object.fromEntries(
    metadata
      .configured(kind)
      .map((name) => [name, Object.fromEntries(metadata.configsOf(kind, name))]),
  );
}

/** Our own writing. */
export function parseBase(text: string): MetadataBase {
  const value = JSON.parse(text) as MetadataBase;
  const isWhole = [value.topics, value.brokers, value.groups].every(
    (part) => typeof part === "object",
  );
  assert(isWhole, "the coordinator's copy of Kafka's metadata is not one of ours");
  return value;
}

/** The configs that differ: a null is one that is gone. */
export function changedConfigs(before: Texts, now: Texts): Map<string, string | null> {
  const changed = new Map<string, string | null>();
  for (const [name, value] of Object.entries(now)) {
    if (before[name] !== value) changed.set(name, value);
  }
  for (const name of Object.keys(before)) if (now[name] === undefined) changed.set(name, null);
  return changed;
}
