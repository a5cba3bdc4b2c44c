import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Asks for brokers and topics; null topics from version 1, none in version 0, mean all. */
export const MetadataRequest = message({
  name: "MetadataRequest",
  key: 3,
  versions: "0-13",
  flexible: "9+",
  fields: {
    topics: wire.nullable(
      wire.array({
        topicId: wire.since(10, wire.uuid, noUuid, wire.ignorable),
        name: wire.nullable(wire.string, "10+"),
      }),
      "1+",
    ),
    allowAutoTopicCreation: wire.since(4, wire.bool, true),
    includeClusterAuthorizedOperations: wire.versions("8-10", wire.bool),
    includeTopicAuthorizedOperations: wire.since(8, wire.bool),
  },
});

/** The brokers, the controller, and the topics with their partitions. */
export const MetadataResponse = message({
  name: "MetadataResponse",
  key: 3,
  versions: "0-13",
  flexible: "9+",
  fields: {
    throttleTimeMs: wire.since(3, wire.int32, 0, wire.ignorable),
    brokers: wire.array({
      nodeId: wire.int32,
      host: wire.string,
      port: wire.int32,
      rack: wire.since(1, wire.nullableString, null, wire.ignorable),
    }),
    clusterId: wire.since(2, wire.nullableString, null, wire.ignorable),
    controllerId: wire.since(1, wire.int32, -1, wire.ignorable),
    topics: wire.array({
      errorCode: wire.int16,
      name: wire.nullable(wire.string, "12+"),
      topicId: wire.since(10, wire.uuid, noUuid, wire.ignorable),
      isInternal: wire.since(1, wire.bool, false, wire.ignorable),
      partitions: wire.array({
        errorCode: wire.int16,
        partitionIndex: wire.int32,
        leaderId: wire.int32,
        leaderEpoch: wire.since(7, wire.int32, -1, wire.ignorable),
        replicaNodes: wire.array(wire.int32),
        isrNodes: wire.array(wire.int32),
        offlineReplicas: wire.since(5, wire.array(wire.int32), [], wire.ignorable),
      }),
      topicAuthorizedOperations: wire.since(8, wire.int32, -2_147_483_648),
    }),
    clusterAuthorizedOperations: wire.versions("8-10", wire.int32, -2_147_483_648),
    errorCode: wire.since(13, wire.int16, 0, wire.ignorable),
  },
});
