import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Adds access rules. */
export const CreateAclsRequest = message({
  name: "CreateAclsRequest",
  key: 30,
  versions: "1-3",
  flexible: "2+",
  fields: {
    creations: wire.array({
      resourceType: wire.int8,
      resourceName: wire.string,
      resourcePatternType: wire.otherwise(wire.int8, 3),
      principal: wire.string,
      host: wire.string,
      operation: wire.int8,
      permissionType: wire.int8,
    }),
  },
});

/** One error for each rule. */
export const CreateAclsResponse = message({
  name: "CreateAclsResponse",
  key: 30,
  versions: "1-3",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    results: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
    }),
  },
});
