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

/** What was known, and what is seen of it in metadata of which a part can not be read. */
export function joinBase(known: MetadataBase, seen: MetadataBase): MetadataBase {
  const topics: Record<string, KnownTopic> = { ...known.topics };
  for (const [name, topic] of Object.entries(seen.topics)) {
    const before = known.topics[name];
    topics[name] = before?.id === topic.id ? joinTopic(before, topic) : topic;
  }
  const brokers = joinConfigs(known.brokers, seen.brokers);
  return { topics, brokers, groups: joinConfigs(known.groups, seen.groups) };
}

function joinTopic(known: KnownTopic, seen: KnownTopic): KnownTopic {
  const partitions = Math.max(known.partitions, seen.partitions);
  return { id: known.id, partitions, configs: { ...known.configs, ...seen.configs } };
}

function joinConfigs(
  known: Readonly<Record<string, Texts>>,
  seen: Readonly<Record<string, Texts>>,
): Record<string, Texts> {
  const joined: Record<string, Texts> = { ...known };
  for (const [name, configs] of Object.entries(seen)) {
    joined[name] = { ...known[name], ...configs };
  }
  return joined;
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
