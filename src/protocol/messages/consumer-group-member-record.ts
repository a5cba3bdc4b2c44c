import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Key of what a member of a consumer group has told of itself. */
export const ConsumerGroupMemberMetadataKey = message({
  name: "ConsumerGroupMemberMetadataKey",
  key: 5,
  versions: "0",
  flexible: "none",
  fields: {
    groupId: wire.string,
    memberId: wire.string,
  },
});

const classicMember = wire.struct({
  supportedProtocols: wire.array({
    name: wire.string,
    metadata: wire.bytes,
  }),
});

/** What a member of a consumer group has told of itself (KIP-848). */
export const ConsumerGroupMemberMetadataValue = message({
  name: "ConsumerGroupMemberMetadataValue",
  key: 5,
  versions: "0",
  flexible: "0+",
  fields: {
    instanceId: wire.nullableString,
    rackId: wire.nullableString,
    clientId: wire.string,
    clientHost: wire.string,
    subscribedTopicNames: wire.array(wire.string),
    subscribedTopicRegex: wire.nullableString,
    rebalanceTimeoutMs: wire.otherwise(wire.int32, -1),
    serverAssignor: wire.nullableString,
    classicMemberMetadata: wire.tagged({ tag: 0, since: 0 }, wire.nullable(classicMember), null),
  },
});
