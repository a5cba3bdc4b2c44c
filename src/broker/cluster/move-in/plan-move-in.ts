import { formatUuid } from "../../../base/uuid.ts";
import { chainKey, formatChainConfig } from "../../../replication/chain-config.ts";
import type { CoordinatorEntry } from "../../ports/coordinator.ts";
import { namesOf } from "../chained-topics.ts";
import {
  deletedPrefix,
  formatDeletedTopic,
  parseDeletedTopic,
  parseTopicEntry,
  topicsPrefix,
} from "../../topics/topic-entry.ts";

/** A node by itself, as it was stopped. */
export interface LocalNode {
  readonly nodeId: number;
  /** It was stopped in order: what vouches for all that it has written. */
  readonly lineage: string;
  /** All that it kept besides its logs. */
  readonly entries: readonly CoordinatorEntry[];
  /** The newest epoch that a partition's log has records of; -1: it has none. */
  readonly latestEpochOf: (topic: string, partition: number) => Promise<number>;
}

export interface PlannedMove {
  /** What the coordinator is to hold, by key. */
  readonly values: ReadonlyMap<string, string>;
  readonly topics: number;
  readonly partitions: number;
}

/** Of a directory that Kafka wrote: how far its metadata was taken over. No cluster looks at it. */
const kafkaMetadataKey = "kafka-metadata";
/** A life that no node has: the first start takes the chains over by its lineage. */
const noIncarnation = "moved-in";
const firstEpoch = 1;

/**
 * All that a node by itself kept, as a cluster keeps it: the same topics, configs, buckets and ids,
 * and for each partition a chain of this node alone, in an epoch above all its records have.
 */
export async function planMoveIn(node: LocalNode): Promise<PlannedMove> {
  const values = new Map<string, string>();
  let topics = 0;
  let partitions = 0;
  for (const { key, value, lease } of node.entries) {
    if (lease !== undefined || key === kafkaMetadataKey) continue;
    if (key.startsWith(deletedPrefix)) {
      const { name } = parseDeletedTopic(value);
      values.set(key, formatDeletedTopic({ name, nodeIds: [node.nodeId] }));
      continue;
    }
    values.set(key, value);
    if (!key.startsWith(topicsPrefix)) continue;
    const name = key.slice(topicsPrefix.length);
    for (const reserved of namesOf({ name })) values.set(reserved.key, reserved.value);
    const entry = parseTopicEntry(name, value);
    for (let index = 0; index < entry.partitions; index += 1) {
      values.set(chainKey(formatUuid(entry.id), index), await planChain(node, name, index));
    }
    topics += 1;
    partitions += entry.partitions;
  }
  return { values, topics, partitions };
}

async function planChain(
  { nodeId: id, lineage, latestEpochOf }: LocalNode,
  name: string,
  index: number,
): Promise<string> {
  const latest = await latestEpochOf(name, index);
  return formatChainConfig({
    epoch: Math.max(firstEpoch, latest + 1),
    members: [{ id, incarnation: noIncarnation, lineage }],
    joining: [],
    leaving: [],
    unclean: 0,
    replicas: [id],
  });
}
