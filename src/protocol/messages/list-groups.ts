import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for groups, by state from version 4 (KIP-518), by type from version 5. */
export const ListGroupsRequest = message({
  name: "ListGroupsRequest",
  key: 16,
  versions: "0-5",
  flexible: "3+",
  fields: {
    statesFilter: wire.since(4, wire.array(wire.string)),
    typesFilter: wire.since(5, wire.array(wire.string)),
  },
});

/** Groups of this coordinator. */
export const ListGroupsResponse = message({
  name: "ListGroupsResponse",
  key: 16,
  versions: "0-5",
  flexible: "3+",
  fields: {
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    errorCode: wire.int16,
    groups: wire.array({
      groupId: wire.string,
      protocolType: wire.string,
      groupState: wire.since(4, wire.string, "", wire.ignorable),
      groupType: wire.since(5, wire.string, "", wire.ignorable),
    }),
  },
});
