import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Deletes committed offsets of a group. */
export const OffsetDeleteRequest = message({
  name: "OffsetDeleteRequest",
  key: 47,
  versions: "0",
  flexible: "none",
  fields: {
    groupId: wire.string,
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
      }),
    }),
  },
});

/** One error for each partition. */
export const OffsetDeleteResponse = message({
  name: "OffsetDeleteResponse",
  key: 47,
  versions: "0",
  flexible: "none",
  fields: {
    errorCode: wire.int16,
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
      }),
    }),
  },
});
