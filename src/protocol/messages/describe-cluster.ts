import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for brokers or controllers. */
export const DescribeClusterRequest = message({
  name: "DescribeClusterRequest",
  key: 60,
  versions: "0-2",
  flexible: "0+",
  fields: {
    includeClusterAuthorizedOperations: wire.bool,
    endpointType: wire.since(1, wire.int8, 1),
    includeFencedBrokers: wire.since(2, wire.bool),
  },
});

/** The cluster's nodes. */
export const DescribeClusterResponse = message({
  name: "DescribeClusterResponse",
  key: 60,
  versions: "0-2",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    endpointType: wire.since(1, wire.int8, 1),
    clusterId: wire.string,
    controllerId: wire.otherwise(wire.int32, -1),
    brokers: wire.array({
      brokerId: wire.int32,
      host: wire.string,
      port: wire.int32,
      rack: wire.otherwise(wire.nullableString, null),
      isFenced: wire.since(2, wire.bool),
    }),
    clusterAuthorizedOperations: wire.otherwise(wire.int32, -2_147_483_648),
  },
});
