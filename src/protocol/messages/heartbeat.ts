import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Keeps a member of a classic group alive. */
export const HeartbeatRequest = message({
  name: "HeartbeatRequest",
  key: 12,
  versions: "0-4",
  flexible: "4+",
  fields: {
    groupId: wire.string,
    generationId: wire.int32,
    memberId: wire.string,
    groupInstanceId: wire.since(3, wire.nullableString, null),
  },
});

/** REBALANCE_IN_PROGRESS tells the member to join again. */
export const HeartbeatResponse = message({
  name: "HeartbeatResponse",
  key: 12,
  versions: "0-4",
  flexible: "4+",
  fields: {
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    errorCode: wire.int16,
  },
});
