import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** The leader gives assignments, the others ask for theirs. */
export const SyncGroupRequest = message({
  name: "SyncGroupRequest",
  key: 14,
  versions: "0-5",
  flexible: "4+",
  fields: {
    groupId: wire.string,
    generationId: wire.int32,
    memberId: wire.string,
    groupInstanceId: wire.since(3, wire.nullableString, null),
    protocolType: wire.since(5, wire.nullableString, null, wire.ignorable),
    protocolName: wire.since(5, wire.nullableString, null, wire.ignorable),
    assignments: wire.array({
      memberId: wire.string,
      assignment: wire.bytes,
    }),
  },
});

/** The member's assignment. */
export const SyncGroupResponse = message({
  name: "SyncGroupResponse",
  key: 14,
  versions: "0-5",
  flexible: "4+",
  fields: {
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    errorCode: wire.int16,
    protocolType: wire.since(5, wire.nullableString, null, wire.ignorable),
    protocolName: wire.since(5, wire.nullableString, null, wire.ignorable),
    assignment: wire.bytes,
  },
});
