import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Asks for committed offsets, of several groups from version 8 (KIP-709). */
export const OffsetFetchRequest = message({
  name: "OffsetFetchRequest",
  key: 9,
  versions: "1-10",
  flexible: "6+",
  fields: {
    groupId: wire.versions("1-7", wire.string),
    topics: wire.versions(
      "1-7",
      wire.nullable(
        wire.array({
          name: wire.string,
          partitionIndexes: wire.array(wire.int32),
        }),
        "2-7",
      ),
    ),
    groups: wire.since(
      8,
      wire.array({
        groupId: wire.string,
        memberId: wire.since(9, wire.nullableString, null, wire.ignorable),
        memberEpoch: wire.since(9, wire.int32, -1, wire.ignorable),
        topics: wire.nullable(
          wire.array({
            name: wire.versions("8-9", wire.string, "", wire.ignorable),
            topicId: wire.since(10, wire.uuid, noUuid, wire.ignorable),
            partitionIndexes: wire.array(wire.int32),
          }),
        ),
      }),
    ),
    requireStable: wire.since(7, wire.bool, false),
  },
});

/** Committed offsets; -1 where there is none. */
export const OffsetFetchResponse = message({
  name: "OffsetFetchResponse",
  key: 9,
  versions: "1-10",
  flexible: "6+",
  fields: {
    throttleTimeMs: wire.since(3, wire.int32, 0, wire.ignorable),
    topics: wire.versions(
      "1-7",
      wire.array({
        name: wire.string,
        partitions: wire.array({
          partitionIndex: wire.int32,
          committedOffset: wire.int64,
          committedLeaderEpoch: wire.since(5, wire.int32, -1, wire.ignorable),
          metadata: wire.nullableString,
          errorCode: wire.int16,
        }),
      }),
    ),
    errorCode: wire.versions("2-7", wire.int16, 0, wire.ignorable),
    groups: wire.since(
      8,
      wire.array({
        groupId: wire.string,
        topics: wire.array({
          name: wire.versions("8-9", wire.string, "", wire.ignorable),
          topicId: wire.since(10, wire.uuid, noUuid, wire.ignorable),
          partitions: wire.array({
            partitionIndex: wire.int32,
            committedOffset: wire.int64,
            committedLeaderEpoch: wire.otherwise(wire.int32, -1),
            metadata: wire.nullableString,
            errorCode: wire.int16,
          }),
        }),
        errorCode: wire.otherwise(wire.int16, 0),
      }),
    ),
  },
});
