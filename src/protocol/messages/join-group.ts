import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Enters a classic group and offers protocols. */
export const JoinGroupRequest = message({
  name: "JoinGroupRequest",
  key: 11,
  versions: "0-9",
  flexible: "6+",
  fields: {
    groupId: wire.string,
    sessionTimeoutMs: wire.int32,
    rebalanceTimeoutMs: wire.since(1, wire.int32, -1, wire.ignorable),
    memberId: wire.string,
    groupInstanceId: wire.since(5, wire.nullableString, null),
    protocolType: wire.string,
    protocols: wire.array({
      name: wire.string,
      metadata: wire.bytes,
    }),
    reason: wire.since(8, wire.nullableString, null, wire.ignorable),
  },
});

/** Answered once the group's members are known; the leader gets them all. */
export const JoinGroupResponse = message({
  name: "JoinGroupResponse",
  key: 11,
  versions: "0-9",
  flexible: "6+",
  fields: {
    throttleTimeMs: wire.since(2, wire.int32, 0, wire.ignorable),
    errorCode: wire.int16,
    generationId: wire.otherwise(wire.int32, -1),
    protocolType: wire.since(7, wire.nullableString, null, wire.ignorable),
    protocolName: wire.nullable(wire.string, "7+"),
    leader: wire.string,
    skipAssignment: wire.since(9, wire.bool, false),
    memberId: wire.string,
    members: wire.array({
      memberId: wire.string,
      groupInstanceId: wire.since(5, wire.nullableString, null, wire.ignorable),
      metadata: wire.bytes,
    }),
  },
});
