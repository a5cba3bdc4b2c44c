import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Sets the start offsets of a share group. */
export const AlterShareGroupOffsetsRequest = message({
  name: "AlterShareGroupOffsetsRequest",
  key: 91,
  versions: "0",
  flexible: "0+",
  fields: {
    groupId: wire.string,
    topics: wire.array({
      topicName: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        startOffset: wire.int64,
      }),
    }),
  },
});

/** One error for each partition. */
export const AlterShareGroupOffsetsResponse = message({
  name: "AlterShareGroupOffsetsResponse",
  key: 91,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    responses: wire.array({
      topicName: wire.string,
      topicId: wire.uuid,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.otherwise(wire.nullableString, null),
      }),
    }),
  },
});
