import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Acknowledges records of a share group. */
export const ShareAcknowledgeRequest = message({
  name: "ShareAcknowledgeRequest",
  key: 79,
  versions: "1-2",
  flexible: "0+",
  fields: {
    groupId: wire.otherwise(wire.nullableString, null),
    memberId: wire.nullableString,
    shareSessionEpoch: wire.int32,
    isRenewAck: wire.since(2, wire.bool, false),
    topics: wire.array({
      topicId: wire.uuid,
      partitions: wire.array({
        partitionIndex: wire.int32,
        acknowledgementBatches: wire.array({
          firstOffset: wire.int64,
          lastOffset: wire.int64,
          acknowledgeTypes: wire.array(wire.int8),
        }),
      }),
    }),
  },
});

/** One error for each partition. */
export const ShareAcknowledgeResponse = message({
  name: "ShareAcknowledgeResponse",
  key: 79,
  versions: "1-2",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    acquisitionLockTimeoutMs: wire.since(2, wire.int32, 0, wire.ignorable),
    responses: wire.array({
      topicId: wire.uuid,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.otherwise(wire.nullableString, null),
        currentLeader: wire.struct({
          leaderId: wire.int32,
          leaderEpoch: wire.int32,
        }),
      }),
    }),
    nodeEndpoints: wire.array({
      nodeId: wire.int32,
      host: wire.string,
      port: wire.int32,
      rack: wire.otherwise(wire.nullableString, null),
    }),
  },
});
