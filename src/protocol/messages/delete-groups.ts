import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Deletes empty groups. */
export const DeleteGroupsRequest = message({
  name: "DeleteGroupsRequest",
  key: 42,
  versions: "0-3",
  flexible: "2+",
  fields: {
    groupsNames: wire.array(wire.string),
  },
});

/** One error for each group. */
export const DeleteGroupsResponse = message({
  name: "DeleteGroupsResponse",
  key: 42,
  versions: "0-3",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    results: wire.array({
      groupId: wire.string,
      errorCode: wire.int16,
      errorMessage: wire.since(3, wire.nullableString, null, wire.ignorable),
    }),
  },
});
