import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Replaces all settings of resources. */
export const AlterConfigsRequest = message({
  name: "AlterConfigsRequest",
  key: 33,
  versions: "0-2",
  flexible: "2+",
  fields: {
    resources: wire.array({
      resourceType: wire.int8,
      resourceName: wire.string,
      configs: wire.array({
        name: wire.string,
        value: wire.nullableString,
      }),
    }),
    validateOnly: wire.bool,
  },
});

/** One error for each resource. */
export const AlterConfigsResponse = message({
  name: "AlterConfigsResponse",
  key: 33,
  versions: "0-2",
  flexible: "2+",
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
