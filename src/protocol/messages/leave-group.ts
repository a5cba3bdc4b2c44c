import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Takes members out of a group, several from version 3 (KIP-345). */
export const LeaveGroupRequest = message({
  name: "LeaveGroupRequest",
  key: 13,
  versions: "0-5",
  flexible: "4+",
  fields: {
    groupId: wire.string,
    memberId: wire.versions("0-2", wire.string),
    members: wire.since(
      3,
      wire.array({
        memberId: wire.string,
        groupInstanceId: wire.otherwise(wire.nullableString, null),
        reason: wire.since(5, wire.nullableString, null, wire.ignorable),
      }),
    ),
  },
});

/** One error for each member from version 3. */
export const LeaveGroupResponse = message({
  name: "LeaveGroupResponse",
  key: 13,
  versions: "0-5",
  flexible: "4+",
  fields: {
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    errorCode: wire.int16,
    members: wire.since(
      3,
      wire.array({
        memberId: wire.string,
        groupInstanceId: wire.nullableString,
        errorCode: wire.int16,
      }),
    ),
  },
});
