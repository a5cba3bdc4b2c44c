import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Joins, keeps up with and leaves a share group (KIP-932). */
export const ShareGroupHeartbeatRequest = message({
  name: "ShareGroupHeartbeatRequest",
  key: 76,
  versions: "1",
  flexible: "0+",
  fields: {
    groupId: wire.string,
    memberId: wire.string,
    memberEpoch: wire.int32,
    rackId: wire.otherwise(wire.nullableString, null),
    subscribedTopicNames: wire.otherwise(wire.nullable(wire.array(wire.string)), null),
  },
});

const topicPartitions = wire.struct({
  topicId: wire.uuid,
  partitions: wire.array(wire.int32),
});

/** The member's epoch and, when it changed, its assignment. */
export const ShareGroupHeartbeatResponse = message({
  name: "ShareGroupHeartbeatResponse",
  key: 76,
  versions: "1",
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
