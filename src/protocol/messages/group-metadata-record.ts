import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Key of a classic group in `__consumer_offsets`. */
export const GroupMetadataKey = message({
  name: "GroupMetadataKey",
  key: 2,
  versions: "0",
  flexible: "none",
  fields: {
    group: wire.string,
  },
});

const memberMetadata = wire.struct({
  memberId: wire.string,
  groupInstanceId: wire.since(3, wire.nullableString, null, wire.ignorable),
  clientId: wire.string,
  clientHost: wire.string,
  rebalanceTimeout: wire.since(1, wire.int32, -1, wire.ignorable),
  sessionTimeout: wire.int32,
  subscription: wire.bytes,
  assignment: wire.bytes,
});

/** A classic group with its members. Kafka 4.3 writes version 3. */
export const GroupMetadataValue = message({
  name: "GroupMetadataValue",
  key: 2,
  versions: "0-4",
  flexible: "4+",
  fields: {
    protocolType: wire.string,
    generation: wire.int32,
    protocol: wire.nullableString,
    leader: wire.nullableString,
    currentStateTimestamp: wire.since(2, wire.int64, -1, wire.ignorable),
    members: wire.array(memberMetadata),
  },
});
