import type { ErrorCode, XylemError } from "../../base/errors.ts";
import { placeOf } from "../../broker/cluster/partition-place.ts";
import type { Topic } from "../../broker/topics/topics.ts";
import { advertisedAddress } from "./advertised.ts";
import type { RequestContext } from "./handler.ts";

type Where = Pick<RequestContext, "broker" | "localAddress" | "localPort">;

/** A node as Kafka's clients are told of it. */
export interface BrokerNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** The nodes that Kafka's clients can connect to, sorted by id; this one always among them. */
export function brokerNodes(context: Where): readonly BrokerNode[] {
  const { identity, cluster } = context.broker;
  const own = { nodeId: identity.nodeId, ...advertisedAddress(context), rack: identity.rack };
  if (cluster === undefined) return [own];
  const others = cluster.image.nodes.flatMap(({ id, addresses, rack }) => {
    if (id === own.nodeId || addresses.kafka === undefined) return [];
    const { host, port } = addresses.kafka;
    return [{ nodeId: id, host, port, rack }];
  });
  return [own, ...others].sort((a, b) => a.nodeId - b.nodeId);
}

export function findBrokerNode(context: Where, nodeId: number): BrokerNode | undefined {
  return brokerNodes(context).find((node) => node.nodeId === nodeId);
}

/** Errors with which a client learns at once where the leader is (KIP-951). */
const leaderErrors: ReadonlySet<ErrorCode> = new Set([
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
]);

/** Who leads a partition, for a client that was refused for asking somebody else. */
export function leaderHint(
  { broker }: Pick<RequestContext, "broker">,
  error: XylemError | undefined,
  topic: Topic | undefined,
  index: number,
): LeaderHint | undefined {
  if (error === undefined || !leaderErrors.has(error.code)) return undefined;
  const partition = topic?.partitions[index];
  if (topic === undefined || partition === undefined) return undefined;
  const { leaderId, leaderEpoch } = placeOf(broker, topic.id, partition);
  return { leaderId, leaderEpoch };
}

export interface LeaderHint {
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

/** The nodes that hints name, each once. */
export function hintedNodes(context: Where, hints: readonly LeaderHint[]): readonly BrokerNode[] {
  if (hints.length === 0) return [];
  const ids = new Set(hints.map(({ leaderId }) => leaderId));
  return brokerNodes(context).filter(({ nodeId }) => ids.has(nodeId));
}
