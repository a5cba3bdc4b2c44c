import type { ChainConfig } from "../../../replication/chain-config.ts";
import { NodeLoads } from "../../../replication/placement/node-loads.ts";
import type { Seat } from "../../../replication/placement/seat.ts";
import type { ClusterImage } from "../cluster-image.ts";
import { formatAddresses } from "../describe-nodes.ts";
import type { NodeEntry } from "../membership/node-entry.ts";
import type { NodeStatus } from "./cluster-orders.ts";
import { mayGiveWay } from "./may-give-way.ts";
import type { NodeFacts } from "./replica-facts.ts";

/** What is known of the nodes of a cluster. */
export interface StatusParts {
  readonly image: ClusterImage;
  /** By node's id. */
  readonly facts: ReadonlyMap<number, NodeFacts>;
  /** What the plan that runs makes of a partition. */
  readonly targetOf: (key: string) => readonly number[] | undefined;
  /** Members below which no drained node leaves a chain. */
  readonly replicasMinOf: (key: string) => number;
}

/** Every node with a seat, and those that are up without one, sorted by id. */
export function nodeStatuses(parts: StatusParts): NodeStatus[] {
  const { image } = parts;
  const pending = new NodeLoads();
  const counts = new Map<number, ChainCounts>();
  for (const [key, chain] of image.chains) {
    const { replicas, target } = chain.config;
    pending.add({ key, replicas: target ?? parts.targetOf(key) ?? replicas, sizeBytes: 0 });
    count(counts, chain.config, { key, ...parts });
  }
  const lags = lagsOf(parts);
  const ids = new Set([...image.seats, ...image.nodes].map(({ id }) => id));
  return [...ids]
    .sort((a, b) => a - b)
    .map((id) => {
      const seat = image.seat(id);
      const node = image.node(id);
      return {
        nodeId: id,
        ...standingOf(seat, node),
        isReached: node !== undefined && parts.facts.has(id),
        isFull: node?.isFull === true,
        share: image.loads.replicaShare(id),
        pendingShare: pending.replicaShare(id),
        replicas: image.loads.of(id).replicas,
        pendingReplicas: pending.of(id).replicas,
        heads: counts.get(id)?.heads ?? 0,
        keptHeads: counts.get(id)?.keptHeads ?? 0,
        members: counts.get(id)?.members ?? 0,
        sizeBytes: sizeOf(parts.facts.get(id)),
        lagRecords: lags.get(id) ?? null,
        version: node?.version ?? null,
        addresses: formatAddresses(node),
      };
    });
}

interface ChainCounts {
  heads: number;
  keptHeads: number;
  members: number;
}

function count(
  counts: Map<number, ChainCounts>,
  config: ChainConfig,
  { key, image, replicasMinOf }: StatusParts & { readonly key: string },
): void {
  for (const member of config.members) {
    if (!image.has(member)) continue;
    const known = counts.get(member.id) ?? { heads: 0, keptHeads: 0, members: 0 };
    counts.set(member.id, known);
    known.members += 1;
    if (member !== config.members[0]) continue;
    known.heads += 1;
    if (!mayGiveWay(image, config, replicasMinOf(key))) known.keptHeads += 1;
  }
}

function standingOf(
  seat: Seat | undefined,
  node: NodeEntry | undefined,
): Pick<NodeStatus, "rack" | "status" | "seat" | "weight" | "replacement" | "isGone"> {
  const rack = seat?.rack ?? node?.rack ?? "";
  const state = seat?.state ?? "left";
  return {
    rack: rack === "" ? null : rack,
    status: node === undefined ? "down" : node.isDraining ? "draining" : state,
    seat: state,
    weight: seat?.weight ?? 0,
    replacement: seat?.replacement ?? null,
    isGone: seat?.isGone === true,
  };
}

function sizeOf(facts: NodeFacts | undefined): number | null {
  if (facts === undefined) return null;
  let sizeBytes = 0;
  for (const fact of facts.values()) sizeBytes += fact.sizeBytes;
  return sizeBytes;
}

/** By node's id: records that its replicas lack. Replicas that are not begun yet lack all. */
function lagsOf({ image, facts }: StatusParts): ReadonlyMap<number, number> {
  const lags = new Map([...facts.keys()].map((id) => [id, 0]));
  for (const [key, { config }] of image.chains) {
    const head = image.headOf(config);
    const newest = head && facts.get(head.id)?.get(key);
    if (newest === undefined) continue;
    for (const id of new Set([...config.replicas, ...(config.target ?? [])])) {
      const lag = lags.get(id);
      if (lag === undefined) continue;
      const from = Math.max(newest.logStart, facts.get(id)?.get(key)?.end ?? 0);
      lags.set(id, lag + Math.max(0, newest.end - from));
    }
  }
  return lags;
}
