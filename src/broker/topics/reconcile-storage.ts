import { equalBytes } from "../../base/bytes.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { formatUuid, makeUuid, type Uuid } from "../../base/uuid.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import type { Coordinator, CoordinatorEntry } from "../ports/coordinator.ts";
import type { FoundPartition, PartitionStorage } from "../ports/partition-storage.ts";
import { readEntry } from "../ports/read-entry.ts";
import { internalTopics } from "./internal-topics.ts";
import { readTopicEntry, type TopicReader } from "./read-topic-entry.ts";
import {
  deletedPrefix,
  formatTopicEntry,
  parseTopicEntry,
  readDeletedTopic,
  topicKey,
  topicsPrefix,
  type TopicEntry,
} from "./topic-entry.ts";
import { isTopicName, metadataTopic } from "./topic-name.ts";
import { finishDeletion } from "./write-topic.ts";

/** A topic as the coordinator holds it. */
export interface StoredTopic {
  readonly name: string;
  readonly entry: TopicEntry;
  readonly revision: number;
}

interface Parts {
  readonly coordinator: Coordinator;
  readonly storage: PartitionStorage;
  readonly configs: BrokerConfigs;
  readonly random: Random;
  readonly log: Log;
  /** Set on a node of a cluster. */
  readonly cluster?: TopicReader | undefined;
}

/**
 * Brings the data directory and the coordinator to agree before any topic is opened. Folders of
 * deleted topics go; folders nobody knows (a directory that Kafka wrote) become topics with the
 * node's defaults, under the id in their `partition.metadata`; in a cluster they are left alone, as
 * what they hold may be older than what others have. Answers all topics there are.
 */
export async function reconcileStorage(parts: Parts): Promise<readonly StoredTopic[]> {
  const found = parts.storage.findPartitions();
  const gone = await finishDeletions(parts, found);
  const { entries } = await parts.coordinator.read(topicsPrefix);
  const stored = entries.flatMap((entry): StoredTopic[] => readStored(parts, entry));
  const known = new Set(entries.map(({ key }) => key.slice(topicsPrefix.length)));
  const strangers = new Map<string, FoundPartition[]>();
  for (const partition of found) {
    if (known.has(partition.topic) || gone.has(partition)) continue;
    const others = strangers.get(partition.topic);
    if (others === undefined) strangers.set(partition.topic, [partition]);
    else others.push(partition);
  }
  for (const [name, partitions] of strangers) {
    if (parts.cluster !== undefined) {
      parts.log.warn("left a folder alone: the cluster knows no such topic", { topic: name });
      continue;
    }
    const imported = await importTopic(parts, name, partitions);
    if (imported !== undefined) stored.push(imported);
  }
  return stored;
}

/** On a node by itself nobody but us writes entries; in a cluster one may be left alone. */
function readStored(
  { cluster, configs }: Parts,
  { key, value, revision }: CoordinatorEntry,
): StoredTopic[] {
  const name = key.slice(topicsPrefix.length);
  const partitionsMax = configs.settings["partitions.max"];
  const entry =
    cluster === undefined
      ? parseTopicEntry(name, value)
      : readTopicEntry(cluster, { name, value }, partitionsMax);
  return entry === undefined ? [] : [{ name, entry, revision }];
}

/** Removes what is left of topics whose deletion a crash cut short; answers those folders. */
async function finishDeletions(
  { coordinator, storage, configs, log, cluster }: Parts,
  found: readonly FoundPartition[],
): Promise<ReadonlySet<FoundPartition>> {
  const gone = new Set<FoundPartition>();
  const { entries } = await coordinator.read(deletedPrefix);
  const nodeId = cluster === undefined ? undefined : configs.nodeId;
  // Files that do not say whose they are: in a cluster they may be all that is left of another.
  const isNobodys = async (name: string): Promise<boolean> =>
    cluster === undefined && (await readEntry(coordinator, topicKey(name))) === undefined;
  for (const { key, value } of entries) {
    const parse = () => readDeletedTopic(key, value);
    const note = cluster === undefined ? parse() : cluster.unreadable.read(key, parse);
    if (note === undefined) continue;
    const { name, nodeIds, id } = note;
    if (nodeId !== undefined && nodeIds?.includes(nodeId) === false) continue;
    for (const partition of found) {
      if (partition.topic !== name) continue;
      const stored = await storage.readTopicId(partition, id);
      const isIts = stored === undefined ? await isNobodys(name) : equalBytes(stored, id);
      if (!isIts) continue;
      await storage.removePartition({ name, id }, partition.index);
      gone.add(partition);
    }
    await finishDeletion(coordinator, id, nodeId);
    log.info("removed what was left of a deleted topic", { topic: name });
  }
  return gone;
}

async function findTopicId(
  storage: PartitionStorage,
  partitions: readonly FoundPartition[],
): Promise<Uuid | undefined> {
  for (const partition of partitions) {
    const id = await storage.readTopicId(partition);
    if (id !== undefined) return id;
  }
  return undefined;
}

async function importTopic(
  { coordinator, storage, configs, random, log }: Parts,
  name: string,
  partitions: readonly FoundPartition[],
): Promise<StoredTopic | undefined> {
  if (name === metadataTopic || !isTopicName(name)) {
    log.warn("left a folder alone: it is no topic", { topic: name });
    return undefined;
  }
  const id = (await findTopicId(storage, partitions)) ?? makeUuid(random);
  const count = Math.max(...partitions.map(({ index }) => index)) + 1;
  const own = internalTopics.get(name)?.configs(configs.settings) ?? new Map<string, string>();
  const entry: TopicEntry = { id, partitions: count, configs: own, isDense: false };
  const key = topicKey(name);
  const revision = await coordinator.transact(
    [{ key, revision: 0 }],
    [{ key, value: formatTopicEntry(entry) }],
  );
  if (revision === undefined) return undefined;
  log.info("took over a topic found in the data directory", {
    topic: name,
    partitions: count,
    id: formatUuid(id),
  });
  return { name, entry, revision };
}
