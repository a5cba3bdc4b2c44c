import { XylemError } from "../../base/errors.ts";
import { formatUuid } from "../../base/uuid.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import { cancelReassignment, withTarget } from "../../replication/placement/reassignment.ts";
import type { Broker } from "../broker.ts";
import { findPartition, findTopic } from "../records/find-partition.ts";
import type { Topic } from "../topics/topics.ts";
import { describeAlone } from "./list-reassignments.ts";

export interface ReassignmentAsk {
  readonly topic: string;
  readonly partition: number;
  /** Node ids, the preferred head first; null cancels what is under way. */
  readonly replicas: readonly number[] | null;
  /** Whether there may be more or fewer replicas than before. */
  readonly mayResize: boolean;
}

/**
 * From now on the partition is to be on these nodes (KIP-455): what follows is the controller's. A
 * new list takes the place of one that is under way. Throws UNKNOWN_TOPIC_OR_PARTITION,
 * INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR, NO_REASSIGNMENT_IN_PROGRESS.
 */
export async function alterReassignment(broker: Broker, ask: ReassignmentAsk): Promise<void> {
  const topic = findTopic(broker, ask.topic);
  findPartition(topic, ask.partition);
  const { chainControl, identity } = broker;
  if (chainControl === undefined) {
    reassigned(describeAlone(identity.nodeId), ask, (id) => id === identity.nodeId);
    return;
  }
  const place = { topicId: formatUuid(topic.id), partition: ask.partition };
  await chainControl.byHand.change(place, (config) => {
    checkEverywhere(topic, config, ask);
    return { config: reassigned(config, ask, (id) => mayHold(broker, id)) };
  });
}

function reassigned(
  config: ChainConfig,
  { replicas, mayResize }: ReassignmentAsk,
  isKnown: (id: number) => boolean,
): ChainConfig {
  if (replicas === null) return cancelReassignment(config);
  const before = config.replicas.length;
  const changed = withTarget(config, replicas, isKnown);
  if (mayResize || replicas.length === before) return changed;
  const detail = `the partition has ${before} replicas, and the list has ${replicas.length}`;
  throw new XylemError("INVALID_REPLICATION_FACTOR", detail);
}

/** A node that waits for a plan may be given replicas by hand; one that goes may not. */
function mayHold({ cluster }: Broker, id: number): boolean {
  const seat = cluster?.image.seat(id);
  return seat !== undefined && seat.state !== "leaving";
}

/** Which nodes there are says where such a topic is; a hand says who is to lead. */
function checkEverywhere(
  { name, settings }: Topic,
  { replicas }: ChainConfig,
  { replicas: asked }: ReassignmentAsk,
): void {
  if (settings.replicas !== "all" || asked === null) return;
  const isSameSet = asked.length === replicas.length && asked.every((id) => replicas.includes(id));
  if (isSameSet) return;
  throw new XylemError(
    "INVALID_REPLICA_ASSIGNMENT",
    `${name} is on all nodes (replicas=all): only their order can be given`,
  );
}
