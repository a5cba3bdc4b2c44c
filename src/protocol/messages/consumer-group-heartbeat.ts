import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Joins, keeps up with and leaves a consumer group (KIP-848). */
export const ConsumerGroupHeartbeatRequest = message({
  name: "ConsumerGroupHeartbeatRequest",
  key: 68,
  versions: "0-1",
  flexible: "0+",
  fields: {
    groupId: wire.string,
    memberId: wire.string,
    memberEpoch: wire.int32,
    instanceId: wire.otherwise(wire.nullableString, null),
    rackId: wire.otherwise(wire.nullableString, null),
    rebalanceTimeoutMs: wire.otherwise(wire.int32, -1),
    subscribedTopicNames: wire.otherwise(wire.nullable(wire.array(wire.string)), null),
    subscribedTopicRegex: wire.since(1, wire.nullableString, null),
    serverAssignor: wire.otherwise(wire.nullableString, null),
    topicPartitions: wire.otherwise(
      wire.nullable(
        wire.array({
          topicId: wire.uuid,
          partitions: wire.array(wire.int32),
        }),
      ),
      null,
    ),
  },
});

const topicPartitions = wire.struct({
  topicId: wire.uuid,
  partitions: wire.array(wire.int32),
});

/** The member's epoch and, when it changed, its assignment. */
export const ConsumerGroupHeartbeatResponse = message({
  name: "ConsumerGroupHeartbeatResponse",
  key: 68,
  versions: "0-1",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    memberId: wire.otherwise(wire.nullableString, null),
    memberEpoch: wire.int32,
    heartbeatIntervalMs: wire.int32,
    assignment: wire.otherwise(
      wire.nullable(
        wire.struct({
          topicPartitions: wire.array(topicPartitions),
        }),
      ),
      null,
    ),
  },
});
