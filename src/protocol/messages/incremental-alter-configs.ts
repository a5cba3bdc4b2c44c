import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Sets, deletes, appends to or subtracts from single settings (KIP-339). */
export const IncrementalAlterConfigsRequest = message({
  name: "IncrementalAlterConfigsRequest",
  key: 44,
  versions: "0-1",
  flexible: "1+",
  fields: {
    resources: wire.array({
      resourceType: wire.int8,
      resourceName: wire.string,
      configs: wire.array({
        name: wire.string,
        configOperation: wire.int8,
        value: wire.nullableString,
      }),
    }),
    validateOnly: wire.bool,
  },
});

/** One error for each resource. */
export const IncrementalAlterConfigsResponse = message({
  name: "IncrementalAlterConfigsResponse",
  key: 44,
  versions: "0-1",
  flexible: "1+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    responses: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
      resourceType: wire.int8,
      resourceName: wire.string,
    }),
  },
});
