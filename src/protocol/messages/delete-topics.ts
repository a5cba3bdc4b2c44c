import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Deletes topics by name, by name or id from version 6 (KIP-516). */
export const DeleteTopicsRequest = message({
  name: "DeleteTopicsRequest",
  key: 20,
  versions: "1-6",
  flexible: "4+",
  fields: {
    topics: wire.since(
      6,
      wire.array({
        name: wire.otherwise(wire.nullableString, null),
        topicId: wire.uuid,
      }),
    ),
    topicNames: wire.versions("1-5", wire.array(wire.string), [], wire.ignorable),
    timeoutMs: wire.int32,
  },
});

/** One error for each topic. */
export const DeleteTopicsResponse = message({
  name: "DeleteTopicsResponse",
  key: 20,
  versions: "1-6",
  flexible: "4+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    responses: wire.array({
      name: wire.nullable(wire.string, "6+"),
      topicId: wire.since(6, wire.uuid, noUuid, wire.ignorable),
      errorCode: wire.int16,
      errorMessage: wire.since(5, wire.nullableString, null, wire.ignorable),
    }),
  },
});
