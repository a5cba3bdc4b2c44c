import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for the start offsets of share groups. */
export const DescribeShareGroupOffsetsRequest = message({
  name: "DescribeShareGroupOffsetsRequest",
  key: 90,
  versions: "0-1",
  flexible: "0+",
  fields: {
    groups: wire.array({
      groupId: wire.string,
      topics: wire.nullable(
        wire.array({
          topicName: wire.string,
          partitions: wire.array(wire.int32),
        }),
      ),
    }),
  },
});

/** Start offsets by partition. */
export const DescribeShareGroupOffsetsResponse = message({
  name: "DescribeShareGroupOffsetsResponse",
  key: 90,
  versions: "0-1",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    groups: wire.array({
      groupId: wire.string,
      topics: wire.array({
        topicName: wire.string,
        topicId: wire.uuid,
        partitions: wire.array({
          partitionIndex: wire.int32,
          startOffset: wire.int64,
          leaderEpoch: wire.int32,
          lag: wire.since(1, wire.int64, -1, wire.ignorable),
          errorCode: wire.int16,
          errorMessage: wire.otherwise(wire.nullableString, null),
        }),
      }),
      errorCode: wire.int16,
      errorMessage: wire.otherwise(wire.nullableString, null),
    }),
  },
});
