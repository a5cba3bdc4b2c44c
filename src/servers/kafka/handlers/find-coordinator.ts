import { kafkaCode, type ErrorCode } from "../../../base/errors.ts";
import { placeOf } from "../../../broker/cluster/partition-place.ts";
import { offsetsTopic } from "../../../broker/topics/internal-topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { type BrokerNode, findBrokerNode } from "../broker-nodes.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"FindCoordinator">;
type Response = ResponseOf<"FindCoordinator">;

const keyTypes = { group: 0, transaction: 1, share: 2 } as const;
const listVersionMin = 4;
const shareVersionMin = 6;

interface Place {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/**
 * FindCoordinator (key 10): the node that leads the group's partition. The offsets topic is made
 * before the answer, where Kafka answers COORDINATOR_NOT_AVAILABLE and lets the client try again.
 */
export async function findCoordinator(
  request: Request,
  context: RequestContext,
): Promise<Response> {
  if (context.apiVersion < listVersionMin)
    return await locate(request.keyType, request.key, context);
  const coordinators = [];
  for (const key of request.coordinatorKeys) {
    coordinators.push({ key, ...(await locate(request.keyType, key, context)) });
  }
  return { coordinators };
}

async function locate(keyType: number, key: string, context: RequestContext): Promise<Place> {
  const { broker, apiVersion } = context;
  const refused = refuseType(keyType, apiVersion);
  if (refused !== null) return absent(refused, null);
  try {
    const node = findHead(context, await broker.groups.partitionOf(key));
    if (node === undefined) return absent("COORDINATOR_NOT_AVAILABLE", null);
    const { nodeId, host, port } = node;
    return { errorCode: 0, errorMessage: null, nodeId, host, port };
  } catch (error) {
    const { code, message } = expectXylemError(error);
    return absent(code, message);
  }
}

/** The node that leads a partition of the offsets topic; undefined: none does at the moment. */
function findHead(context: RequestContext, index: number): BrokerNode | undefined {
  const { broker } = context;
  if (broker.cluster === undefined) return findBrokerNode(context, broker.identity.nodeId);
  const topic = broker.topics.find(offsetsTopic);
  const partition = topic?.partitions[index];
  if (topic === undefined || partition === undefined) return undefined;
  return findBrokerNode(context, placeOf(broker, topic.id, partition).leaderId);
}

/** Transactions and share groups have no coordinator on this node. */
function refuseType(keyType: number, apiVersion: number): ErrorCode | null {
  if (keyType === keyTypes.group) return null;
  if (keyType === keyTypes.transaction) return "COORDINATOR_NOT_AVAILABLE";
  const isShare = keyType === keyTypes.share && apiVersion >= shareVersionMin;
  return isShare ? "COORDINATOR_NOT_AVAILABLE" : "INVALID_REQUEST";
}

function absent(code: ErrorCode, message: string | null): Place {
  const errorMessage = message ?? "There is no such coordinator.";
  return { errorCode: kafkaCode(code), errorMessage, nodeId: -1, host: "", port: -1 };
}
