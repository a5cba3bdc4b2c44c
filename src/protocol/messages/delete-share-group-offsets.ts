import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Deletes the offsets of a share group. */
export const DeleteShareGroupOffsetsRequest = message({
  name: "DeleteShareGroupOffsetsRequest",
  key: 92,
  versions: "0",
  flexible: "0+",
  fields: {
    groupId: wire.string,
    topics: wire.array({
      topicName: wire.string,
    }),
  },
});

/** One error for each topic. */
export const DeleteShareGroupOffsetsResponse = message({
  name: "DeleteShareGroupOffsetsResponse",
  key: 92,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    responses: wire.array({
      topicName: wire.string,
      topicId: wire.uuid,
      errorCode: wire.int16,
      errorMessage: wire.otherwise(wire.nullableString, null),
    }),
  },
});
