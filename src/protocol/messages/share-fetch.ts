import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Acquires records of a share group, and acknowledges earlier ones. */
export const ShareFetchRequest = message({
  name: "ShareFetchRequest",
  key: 78,
  versions: "1-2",
  flexible: "0+",
  fields: {
    groupId: wire.otherwise(wire.nullableString, null),
    memberId: wire.nullableString,
    shareSessionEpoch: wire.int32,
    maxWaitMs: wire.int32,
    minBytes: wire.int32,
    maxBytes: wire.otherwise(wire.int32, 2_147_483_647),
    maxRecords: wire.int32,
    batchSize: wire.int32,
    shareAcquireMode: wire.since(2, wire.int8, 0, wire.ignorable),
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
    forgottenTopicsData: wire.array({
      topicId: wire.uuid,
      partitions: wire.array(wire.int32),
    }),
  },
});

/** Batches, and which of their records were acquired. */
export const ShareFetchResponse = message({
  name: "ShareFetchResponse",
  key: 78,
  versions: "1-2",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    acquisitionLockTimeoutMs: wire.int32,
    responses: wire.array({
      topicId: wire.uuid,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.otherwise(wire.nullableString, null),
        acknowledgeErrorCode: wire.int16,
        acknowledgeErrorMessage: wire.otherwise(wire.nullableString, null),
        currentLeader: wire.struct({
          leaderId: wire.int32,
          leaderEpoch: wire.int32,
        }),
        records: wire.records,
        acquiredRecords: wire.array({
          firstOffset: wire.int64,
          lastOffset: wire.int64,
          deliveryCount: wire.int16,
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
