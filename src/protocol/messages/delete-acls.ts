import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Removes the access rules that match filters. */
export const DeleteAclsRequest = message({
  name: "DeleteAclsRequest",
  key: 31,
  versions: "1-3",
  flexible: "2+",
  fields: {
    filters: wire.array({
      resourceTypeFilter: wire.int8,
      resourceNameFilter: wire.nullableString,
      patternTypeFilter: wire.otherwise(wire.int8, 3),
      principalFilter: wire.nullableString,
      hostFilter: wire.nullableString,
      operation: wire.int8,
      permissionType: wire.int8,
    }),
  },
});

/** What each filter removed. */
export const DeleteAclsResponse = message({
  name: "DeleteAclsResponse",
  key: 31,
  versions: "1-3",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    filterResults: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
      matchingAcls: wire.array({
        errorCode: wire.int16,
        errorMessage: wire.nullableString,
        resourceType: wire.int8,
        resourceName: wire.string,
        patternType: wire.otherwise(wire.int8, 3),
        principal: wire.string,
        host: wire.string,
        operation: wire.int8,
        permissionType: wire.int8,
      }),
    }),
  },
});
