import { XylemError } from "../../../base/errors.ts";
import { controllerIdOf } from "../../../broker/cluster/partition-place.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { brokerNodes } from "../broker-nodes.ts";
import { clusterOperations, operationsOmitted } from "../authorized-operations.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DescribeCluster">;
type Response = ResponseOf<"DescribeCluster">;

/** KIP-919: which kind of node is asked for. */
const endpointTypes = { brokers: 1, controllers: 2 } as const;

/** DescribeCluster (key 60): the nodes, and which of them is the controller. */
export function describeCluster(request: Request, context: RequestContext): Response {
  checkEndpointType(request.endpointType);
  const { identity } = context.broker;
  return {
    errorCode: 0,
    endpointType: endpointTypes.brokers,
    clusterId: identity.clusterId,
    controllerId: controllerIdOf(context.broker),
    brokers: brokerNodes(context).map(({ nodeId, ...node }) => ({ brokerId: nodeId, ...node })),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsOmitted,
  };
}

function checkEndpointType(endpointType: number): void {
  if (endpointType === endpointTypes.brokers) return;
  if (endpointType === endpointTypes.controllers) {
    throw new XylemError(
      "MISMATCHED_ENDPOINT_TYPE",
      "The request was sent to an endpoint of type BROKER, but we wanted one of type CONTROLLER",
    );
  }
  throw new XylemError("UNSUPPORTED_ENDPOINT_TYPE", `Unknown endpoint type ${endpointType}`);
}
