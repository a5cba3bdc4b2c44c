import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for the access rules that match a filter. */
export const DescribeAclsRequest = message({
  name: "DescribeAclsRequest",
  key: 29,
  versions: "1-3",
  flexible: "2+",
  fields: {
    resourceTypeFilter: wire.int8,
    resourceNameFilter: wire.nullableString,
    patternTypeFilter: wire.otherwise(wire.int8, 3),
    principalFilter: wire.nullableString,
    hostFilter: wire.nullableString,
    operation: wire.int8,
    permissionType: wire.int8,
  },
});

/** The rules, by resource. */
export const DescribeAclsResponse = message({
  name: "DescribeAclsResponse",
  key: 29,
  versions: "1-3",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    resources: wire.array({
      resourceType: wire.int8,
      resourceName: wire.string,
      patternType: wire.otherwise(wire.int8, 3),
      acls: wire.array({
        principal: wire.string,
        host: wire.string,
        operation: wire.int8,
        permissionType: wire.int8,
      }),
    }),
  },
});
