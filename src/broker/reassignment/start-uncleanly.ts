import { XylemError } from "../../base/errors.ts";
import { formatUuid } from "../../base/uuid.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { LogEnd } from "../../replication/controller/chain-ask.ts";
import type { NodeLookup } from "../../replication/controller/controlled-node.ts";
import { isLonger, startUnclean } from "../../replication/controller/return-rules.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { topicRules } from "../cluster/controller/topic-rules.ts";
import { nodeKey } from "../cluster/node-entry.ts";
import { type Candidate, type ElectionParts, keyOf, notNeeded } from "./candidate.ts";

/**
 * Starts a partition from the longest log among its replicas that are up, although records may be
 * lost: only while no member is up, and where the topic allows it. Throws ELECTION_NOT_NEEDED,
 * ELIGIBLE_LEADERS_NOT_AVAILABLE, and what `ChainsByHand.change` throws.
 */
export async function startUncleanly(
  parts: Pick<ElectionParts, "cluster" | "chainControl">,
  candidate: Candidate,
): Promise<void> {
  const { cluster, chainControl } = parts;
  const { topic, partition } = candidate;
  const topicId = formatUuid(topic.id);
  const key = keyOf(candidate);
  const rules = topicRules(topic.name, topic.partitions.length, topic.settings);
  const config = cluster.image.chains.get(key)?.config;
  if (config?.members.some((member) => cluster.image.has(member)) === true) {
    throw notNeeded(candidate);
  }
  const best = config && rules.allowsUnclean ? await longestLog(parts, key, config) : undefined;
  await chainControl.byHand.change({ topicId, partition }, (before) => {
    const chain = { key, revision: 0, config: before };
    const of = { leased: nodesOf(cluster), topic: rules };
    if (rules.allowsUnclean && best === undefined) {
      throw new XylemError("ELIGIBLE_LEADERS_NOT_AVAILABLE", `no replica of ${key} is up`);
    }
    const { config: next, nodes } = startUnclean(chain, best?.from.id ?? -1, of);
    const compares = nodes.map(({ id, revision }) => ({ key: nodeKey(id), revision }));
    return { config: next, compares };
  });
}

/** Of those that answer. */
async function longestLog(
  { cluster, chainControl }: Pick<ElectionParts, "cluster" | "chainControl">,
  key: string,
  { replicas, members }: ChainConfig,
): Promise<LogEnd | undefined> {
  const ids = new Set([...replicas, ...members.map(({ id }) => id)]);
  const nodes = [...ids].flatMap((id) => cluster.image.node(id) ?? []);
  const asked = nodes.map(async ({ id, incarnation }) => {
    const ends = await chainControl.calls.askLogEnds({ nodeId: id, keys: [key] });
    return ends.filter(({ from }) => from.incarnation === incarnation);
  });
  const answers = await Promise.allSettled(asked);
  const ends = answers.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  return ends.reduce<LogEnd | undefined>(
    (best, end) => (best === undefined || isLonger(end, best) ? end : best),
    undefined,
  );
}

function nodesOf({ image, feed }: Cluster): NodeLookup {
  return {
    findNode(id) {
      const node = image.node(id);
      if (node?.lineages === undefined) return undefined;
      const { incarnation, lineages, isDraining } = node;
      return { id, incarnation, lineages, isDraining, revision: feed.revisionOf(nodeKey(id)) };
    },
  };
}
