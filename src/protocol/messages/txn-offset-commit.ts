import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Stores a group's offsets as part of a transaction. */
export const TxnOffsetCommitRequest = message({
  name: "TxnOffsetCommitRequest",
  key: 28,
  versions: "0-6",
  flexible: "3+",
  fields: {
    transactionalId: wire.string,
    groupId: wire.string,
    producerId: wire.int64,
    producerEpoch: wire.int16,
    generationIdOrMemberEpoch: wire.since(3, wire.int32, -1),
    memberId: wire.since(3, wire.string, ""),
    groupInstanceId: wire.since(3, wire.nullableString, null),
    topics: wire.array({
      name: wire.versions("0-5", wire.string, "", wire.ignorable),
      topicId: wire.since(6, wire.uuid, noUuid, wire.ignorable),
      partitions: wire.array({
        partitionIndex: wire.int32,
        committedOffset: wire.int64,
        committedLeaderEpoch: wire.since(2, wire.int32, -1, wire.ignorable),
        committedMetadata: wire.nullableString,
      }),
    }),
  },
});

/** One error for each partition. */
export const TxnOffsetCommitResponse = message({
  name: "TxnOffsetCommitResponse",
  key: 28,
  versions: "0-6",
  flexible: "3+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      name: wire.versions("0-5", wire.string, "", wire.ignorable),
      topicId: wire.since(6, wire.uuid, noUuid, wire.ignorable),
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
      }),
    }),
  },
});
