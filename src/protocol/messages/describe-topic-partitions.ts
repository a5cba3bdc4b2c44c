import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for topics in pages (KIP-966). */
export const DescribeTopicPartitionsRequest = message({
  name: "DescribeTopicPartitionsRequest",
  key: 75,
  versions: "0",
  flexible: "0+",
  fields: {
    topics: wire.array({
      name: wire.string,
    }),
    responsePartitionLimit: wire.otherwise(wire.int32, 2000),
    cursor: wire.otherwise(
      wire.nullable(
        wire.struct({
          topicName: wire.string,
          partitionIndex: wire.int32,
        }),
      ),
      null,
    ),
  },
});

/** Topics with partitions; a cursor when there is more. */
export const DescribeTopicPartitionsResponse = message({
  name: "DescribeTopicPartitionsResponse",
  key: 75,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      errorCode: wire.int16,
      name: wire.nullableString,
      topicId: wire.uuid,
      isInternal: wire.otherwise(wire.bool, false),
      partitions: wire.array({
        errorCode: wire.int16,
        partitionIndex: wire.int32,
        leaderId: wire.int32,
        leaderEpoch: wire.otherwise(wire.int32, -1),
        replicaNodes: wire.array(wire.int32),
        isrNodes: wire.array(wire.int32),
        eligibleLeaderReplicas: wire.otherwise(wire.nullable(wire.array(wire.int32)), null),
        lastKnownElr: wire.otherwise(wire.nullable(wire.array(wire.int32)), null),
        offlineReplicas: wire.array(wire.int32),
      }),
      topicAuthorizedOperations: wire.otherwise(wire.int32, -2_147_483_648),
    }),
    nextCursor: wire.otherwise(
      wire.nullable(
        wire.struct({
          topicName: wire.string,
          partitionIndex: wire.int32,
        }),
      ),
      null,
    ),
  },
});
