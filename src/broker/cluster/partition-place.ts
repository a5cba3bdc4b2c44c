import type { ErrorCode } from "../../base/errors.ts";
import { formatUuid, type Uuid } from "../../base/uuid.ts";
import { type ChainConfig, type ChainRole, roleOf } from "../../replication/chain-config.ts";
import { type Reassignment, reassignmentOf } from "../../replication/placement/reassignment.ts";
import type { Broker } from "../broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";

/** Where a partition is, in Kafka's words: the leader is the head, who is in sync the chain. */
export interface PartitionPlace {
  readonly error: ErrorCode | undefined;
  /** -1: there is none at the moment. */
  readonly leaderId: number;
  readonly leaderEpoch: number;
  /** What this node is in the chain. */
  readonly role: ChainRole;
  /** Node ids, the preferred head first; while it is reassigned those of before and after. */
  readonly replicas: readonly number[];
  /** Replicas that come or go: empty unless it is reassigned. */
  readonly adding: readonly number[];
  readonly removing: readonly number[];
  /** Members of the chain that are up, head first. */
  readonly inSync: readonly number[];
  /** Replicas on nodes that are down. */
  readonly offline: readonly number[];
}

/** Where a partition is: on a node by itself, here. */
export function placeOf(
  { identity, cluster }: Pick<Broker, "identity" | "cluster">,
  topicId: Uuid,
  { index, leaderEpoch }: Pick<PartitionLog, "index" | "leaderEpoch">,
): PartitionPlace {
  if (cluster === undefined) {
    const here = [identity.nodeId];
    const leaderId = identity.nodeId;
    const place = { error: undefined, leaderId, leaderEpoch, role: "solo" } as const;
    return { ...place, replicas: here, inSync: here, adding: [], removing: [], offline: [] };
  }
  const { image } = cluster;
  const config = image.chain(formatUuid(topicId), index)?.config;
  if (config === undefined) {
    const none = { role: "outsider", replicas: [], inSync: [], offline: [] } as const;
    const moving = { adding: [], removing: [] };
    return { error: "LEADER_NOT_AVAILABLE", leaderId: -1, leaderEpoch: -1, ...none, ...moving };
  }
  const head = image.headOf(config);
  const { replicas, adding, removing } = reassignmentOf(config) ?? stays(config);
  return {
    error: head === undefined ? "LEADER_NOT_AVAILABLE" : undefined,
    leaderId: head?.id ?? -1,
    leaderEpoch: config.epoch,
    role: roleOf(config, { id: cluster.nodeId, incarnation: cluster.incarnation }),
    replicas,
    adding,
    removing,
    inSync: config.members.filter((member) => image.has(member)).map(({ id }) => id),
    offline: replicas.filter((id) => image.node(id) === undefined),
  };
}

function stays({ replicas }: ChainConfig): Reassignment {
  return { replicas, adding: [], removing: [] };
}

/** The node that reconfigures chains; where there is none at the moment, this one. */
export function controllerIdOf({
  identity,
  cluster,
}: Pick<Broker, "identity" | "cluster">): number {
  const controller = cluster?.image.controller;
  const isUp = controller !== undefined && cluster?.image.has(controller) === true;
  return isUp ? controller.id : identity.nodeId;
}
