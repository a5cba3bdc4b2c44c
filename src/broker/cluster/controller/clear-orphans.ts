import type { Log } from "../../../base/log.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { topicIdOf } from "../../../replication/chain-config.ts";
import type { Compare, Coordinator } from "../../ports/coordinator.ts";
import { parseTopicEntry, topicsPrefix } from "../../topics/topic-entry.ts";
import { makingKey } from "../chained-topics.ts";
import type { Cluster } from "../cluster.ts";

/** Chains that one transaction removes; compared and deleted they count twice. */
const removingMax = 30;

/**
 * Removes chains that no topic has and none that is being made: a node died between two steps.
 * Nothing is removed unless `office` holds.
 */
export async function clearOrphans(
  parts: { readonly cluster: Cluster; readonly coordinator: Coordinator; readonly log: Log },
  office: Compare,
): Promise<void> {
  const { cluster, coordinator, log } = parts;
  // In this order: a topic that was being made before is known by then, or still being made.
  const chains = [...cluster.image.chains].filter(([key]) => !isBeingMade(cluster, key));
  const { entries } = await coordinator.read(topicsPrefix);
  const known = new Map<string, number>();
  for (const { key, value } of entries) {
    const { id, partitions } = parseTopicEntry(key.slice(topicsPrefix.length), value);
    known.set(formatUuid(id), partitions);
  }
  // Past a topic's count a chain is of a growth under way, or of one that is done again.
  const orphans = chains.filter(([key]) => !known.has(topicIdOf(key)));
  for (let at = 0; at < orphans.length; at += removingMax) {
    const some = orphans.slice(at, at + removingMax);
    const compares = some.map(([key, { revision }]) => ({ key, revision }));
    const writes = some.map(([key]) => ({ key, value: null }));
    await coordinator.transact([office, ...compares], writes);
  }
  if (orphans.length > 0) log.info("removed chains without a topic", { chains: orphans.length });
}

function isBeingMade(cluster: Cluster, key: string): boolean {
  return cluster.feed.revisionOf(makingKey(topicIdOf(key))) !== 0;
}
