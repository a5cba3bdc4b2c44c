import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** What a consumer says of itself in JoinGroup. */
export const ConsumerProtocolSubscription = message({
  name: "ConsumerProtocolSubscription",
  versions: "0-3",
  flexible: "none",
  fields: {
    topics: wire.array(wire.string),
    userData: wire.otherwise(wire.nullableBytes, null),
    ownedPartitions: wire.since(
      1,
      wire.array({
        topic: wire.string,
        partitions: wire.array(wire.int32),
      }),
      [],
      wire.ignorable,
    ),
    generationId: wire.since(2, wire.int32, -1, wire.ignorable),
    rackId: wire.since(3, wire.nullableString, null, wire.ignorable),
  },
});

/** What the group's leader gives a consumer through SyncGroup. */
export const ConsumerProtocolAssignment = message({
  name: "ConsumerProtocolAssignment",
  versions: "0-3",
  flexible: "none",
  fields: {
    assignedPartitions: wire.array({
      topic: wire.string,
      partitions: wire.array(wire.int32),
    }),
    userData: wire.otherwise(wire.nullableBytes, null),
  },
});
