import { formatUuid } from "../../base/uuid.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import { type Reassignment, reassignmentOf } from "../../replication/placement/reassignment.ts";
import type { Broker } from "../broker.ts";

export interface TopicReassignments {
  readonly topic: string;
  readonly partitions: readonly (Reassignment & { readonly partition: number })[];
}

/** By topic the partitions that are asked about; undefined: all there are. */
export type WantedPartitions = ReadonlyMap<string, readonly number[]> | undefined;

/** The moves under way; what is not there, or not reassigned, is left out. */
export function listReassignments(
  { topics, cluster }: Pick<Broker, "topics" | "cluster">,
  wanted: WantedPartitions,
): TopicReassignments[] {
  if (cluster === undefined) return [];
  const named =
    wanted === undefined ? topics.list() : [...wanted.keys()].map((name) => topics.find(name));
  return named.flatMap((topic) => {
    if (topic === undefined) return [];
    const topicId = formatUuid(topic.id);
    const indexes = wanted?.get(topic.name) ?? topic.partitions.keys();
    const partitions = [...new Set(indexes)].flatMap((partition) => {
      const config = cluster.image.chain(topicId, partition)?.config;
      const moving = config && reassignmentOf(config);
      return moving === undefined ? [] : [{ partition, ...moving }];
    });
    return partitions.length === 0 ? [] : [{ topic: topic.name, partitions }];
  });
}

/** A partition of a node by itself, as a chain would have it. */
export function describeAlone(nodeId: number): ChainConfig {
  const member = { id: nodeId, incarnation: "", lineage: "" };
  return { epoch: 0, members: [member], joining: [], leaving: [], unclean: 0, replicas: [nodeId] };
}
