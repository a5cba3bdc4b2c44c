import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { formatUuid } from "../../base/uuid.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { LogEnd } from "../../replication/controller/chain-ask.ts";
import type { NodeLookup } from "../../replication/controller/controlled-node.ts";
import {
  latestKnown,
  longestOf,
  newestKnown,
  startUnclean,
} from "../../replication/controller/return-rules.ts";
import { inEra } from "../../replication/controller/restored-rules.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { topicRules } from "../cluster/controller/topic-rules.ts";
import { nodeKey } from "../cluster/membership/node-entry.ts";
import { type Candidate, type ElectionParts, keyOf, notNeeded } from "./candidate.ts";

export type UncleanParts = Pick<ElectionParts, "cluster" | "chainControl"> & { readonly log: Log };

/**
 * Starts a partition from the longest log among its replicas that are up, although records may be
 * lost: only while no member is up, or while a coordinator restored from a backup waits for a node
 * that is away; and where the topic allows it. Who is up has to say where its log ends. Throws
 * ELECTION_NOT_NEEDED, ELIGIBLE_LEADERS_NOT_AVAILABLE, and what `startUnclean` and
 * `ChainsByHand.change` throw.
 */
export async function startUncleanly(parts: UncleanParts, candidate: Candidate): Promise<void> {
  const { cluster, chainControl, log } = parts;
  const { topic, partition } = candidate;
  const topicId = formatUuid(topic.id);
  const key = keyOf(candidate);
  const rules = topicRules(topic.name, topic.partitions.length, topic.settings);
  const config = cluster.image.chains.get(key)?.config;
  if (config !== undefined && isServed(cluster, config)) throw notNeeded(candidate);
  const best =
    config && rules.allowsUnclean ? await longestLog(parts, candidate, config) : undefined;
  await chainControl.byHand.change({ topicId, partition }, (before) => {
    const chain = { key, revision: 0, config: before };
    const of = { leased: nodesOf(cluster), topic: rules };
    if (rules.allowsUnclean && best === undefined) {
      throw new XylemError("ELIGIBLE_LEADERS_NOT_AVAILABLE", `no replica of ${key} is up`);
    }
    const { config: next, nodes } = startUnclean(chain, best ?? nobody, of);
    const compares = nodes.map(({ id, revision }) => ({ key: nodeKey(id), revision }));
    return { config: inEra(cluster.restored.era, next, before), compares };
  });
  const fields = { topic: topic.name, partition, nodeId: best?.from.id, end: best?.endOffset };
  log.warn("a partition starts uncleanly, by hand: what only others had is lost", fields);
}

/** For whom there is nothing to find out: a topic that does not allow it. */
const nobody = { from: { id: -1, incarnation: "" }, lastEpoch: -1 };

/** A member is up, and no node is away that a restored coordinator could wait for. */
function isServed({ image }: Cluster, config: ChainConfig): boolean {
  const isWhole = [...holdersOf(config)].every((id) => image.node(id) !== undefined);
  return isWhole && config.members.some((member) => image.has(member));
}

function holdersOf({ members, replicas, target = [] }: ChainConfig): Set<number> {
  return new Set([...replicas, ...target, ...members.map(({ id }) => id)]);
}

/** Of all nodes, should the coordinator's state be older than what one that it names knows. */
async function longestLog(
  parts: UncleanParts,
  candidate: Candidate,
  config: ChainConfig,
): Promise<LogEnd | undefined> {
  const { image } = parts.cluster;
  const key = keyOf(candidate);
  let told = await askAll(parts, key, holdersOf(config));
  const isOld = told.ends.some((end) => latestKnown(end) > config.epoch);
  if (!isOld && config.members.some((member) => image.has(member))) throw notNeeded(candidate);
  if (isOld) told = await askAll(parts, key, new Set(image.nodes.map(({ id }) => id)));
  const { ends, silent } = told;
  // Another one may know more of the chain than the node whose log it goes on from.
  const best = longestOf(ends);
  if (silent.length === 0) return best && { ...best, known: newestKnown(ends) };
  const who = `nodes ${silent.join(", ")} are up and do not say where their logs of ${key} end`;
  throw new XylemError("ELIGIBLE_LEADERS_NOT_AVAILABLE", `${who}: ask again, or stop them first`);
}

/** Of those that are up: what they say, and who says nothing. */
async function askAll(
  { cluster, chainControl }: UncleanParts,
  key: string,
  ids: ReadonlySet<number>,
): Promise<{ readonly ends: readonly LogEnd[]; readonly silent: readonly number[] }> {
  const nodes = [...ids].flatMap((id) => cluster.image.node(id) ?? []);
  const silent: number[] = [];
  const asked = nodes.map(async ({ id, incarnation }) => {
    try {
      const ends = await chainControl.calls.askLogEnds({ nodeId: id, keys: [key] });
      const isOfNow = ends.every(({ from }) => from.incarnation === incarnation);
      if (isOfNow) return ends.filter(({ isUnopened }) => isUnopened !== true);
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
    }
    silent.push(id);
    return [];
  });
  return { ends: (await Promise.all(asked)).flat(), silent };
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
