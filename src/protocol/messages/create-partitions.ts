import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Raises topics' partition counts. */
export const CreatePartitionsRequest = message({
  name: "CreatePartitionsRequest",
  key: 37,
  versions: "0-3",
  flexible: "2+",
  fields: {
    topics: wire.array({
      name: wire.string,
      count: wire.int32,
      assignments: wire.nullable(
        wire.array({
          brokerIds: wire.array(wire.int32),
        }),
      ),
    }),
    timeoutMs: wire.int32,
    validateOnly: wire.bool,
  },
});

/** One error for each topic. */
export const CreatePartitionsResponse = message({
  name: "CreatePartitionsResponse",
  key: 37,
  versions: "0-3",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    results: wire.array({
      name: wire.string,
      errorCode: wire.int16,
      errorMessage: wire.otherwise(wire.nullableString, null),
    }),
  },
});
