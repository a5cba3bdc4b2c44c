import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Stores a group's offsets; topics by id from version 10 (KIP-848). */
export const OffsetCommitRequest = message({
  name: "OffsetCommitRequest",
  key: 8,
  versions: "2-10",
  flexible: "8+",
  fields: {
    groupId: wire.string,
    generationIdOrMemberEpoch: wire.otherwise(wire.int32, -1),
    memberId: wire.string,
    groupInstanceId: wire.since(7, wire.nullableString, null),
    retentionTimeMs: wire.versions("2-4", wire.int64, -1, wire.ignorable),
    topics: wire.array({
      name: wire.versions("2-9", wire.string, "", wire.ignorable),
      topicId: wire.since(10, wire.uuid, noUuid, wire.ignorable),
      partitions: wire.array({
        partitionIndex: wire.int32,
        committedOffset: wire.int64,
        committedLeaderEpoch: wire.since(6, wire.int32, -1, wire.ignorable),
        committedMetadata: wire.nullableString,
      }),
    }),
  },
});

/** One error for each partition. */
export const OffsetCommitResponse = message({
  name: "OffsetCommitResponse",
  key: 8,
  versions: "2-10",
  flexible: "8+",
  fields: {
    throttleTimeMs: wire.since(3, wire.int32, 0, wire.ignorable),
    topics: wire.array({
      name: wire.versions("2-9", wire.string, "", wire.ignorable),
      topicId: wire.since(10, wire.uuid, noUuid, wire.ignorable),
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
      }),
    }),
  },
});
