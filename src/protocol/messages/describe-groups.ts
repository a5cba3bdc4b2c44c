import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for state and members of classic groups. */
export const DescribeGroupsRequest = message({
  name: "DescribeGroupsRequest",
  key: 15,
  versions: "0-6",
  flexible: "5+",
  fields: {
    groups: wire.array(wire.string),
    includeAuthorizedOperations: wire.since(3, wire.bool),
  },
});

/** Groups with their members' opaque metadata. */
export const DescribeGroupsResponse = message({
  name: "DescribeGroupsResponse",
  key: 15,
  versions: "0-6",
  flexible: "5+",
  fields: {
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    groups: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.since(6, wire.nullableString, null),
      groupId: wire.string,
      groupState: wire.string,
      protocolType: wire.string,
      protocolData: wire.string,
      members: wire.array({
        memberId: wire.string,
        groupInstanceId: wire.since(4, wire.nullableString, null, wire.ignorable),
        clientId: wire.string,
        clientHost: wire.string,
        memberMetadata: wire.bytes,
        memberAssignment: wire.bytes,
      }),
      authorizedOperations: wire.since(3, wire.int32, -2_147_483_648),
    }),
  },
});
