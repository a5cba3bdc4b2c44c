import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Key of the epoch of a consumer group's target assignment. */
export const ConsumerGroupTargetAssignmentMetadataKey = message({
  name: "ConsumerGroupTargetAssignmentMetadataKey",
  key: 6,
  versions: "0",
  flexible: "none",
  fields: {
    groupId: wire.string,
  },
});

/** The epoch of a consumer group's target assignment; its time since Kafka 4.3 (KIP-1263). */
export const ConsumerGroupTargetAssignmentMetadataValue = message({
  name: "ConsumerGroupTargetAssignmentMetadataValue",
  key: 6,
  versions: "0",
  flexible: "0+",
  fields: {
    assignmentEpoch: wire.int32,
    assignmentTimestamp: wire.tagged({ tag: 0, since: 0 }, wire.int64, 0, wire.ignorable),
  },
});

/** Key of what one member is meant to have. */
export const ConsumerGroupTargetAssignmentMemberKey = message({
  name: "ConsumerGroupTargetAssignmentMemberKey",
  key: 7,
  versions: "0",
  flexible: "none",
  fields: {
    groupId: wire.string,
    memberId: wire.string,
  },
});

/** What one member is meant to have. */
export const ConsumerGroupTargetAssignmentMemberValue = message({
  name: "ConsumerGroupTargetAssignmentMemberValue",
  key: 7,
  versions: "0",
  flexible: "0+",
  fields: {
    topicPartitions: wire.array({
      topicId: wire.uuid,
      partitions: wire.array(wire.int32),
    }),
  },
});

/** Key of what one member has. */
export const ConsumerGroupCurrentMemberAssignmentKey = message({
  name: "ConsumerGroupCurrentMemberAssignmentKey",
  key: 8,
  versions: "0",
  flexible: "none",
  fields: {
    groupId: wire.string,
    memberId: wire.string,
  },
});

/** `assignmentEpochs` goes with `partitions`; null: not told (KIP-1251). */
const heldPartitions = wire.struct({
  topicId: wire.uuid,
  partitions: wire.array(wire.int32),
  assignmentEpochs: wire.tagged({ tag: 0, since: 0 }, wire.nullable(wire.array(wire.int32)), null),
});

/** What one member has, and what it has been told to give up. */
export const ConsumerGroupCurrentMemberAssignmentValue = message({
  name: "ConsumerGroupCurrentMemberAssignmentValue",
  key: 8,
  versions: "0",
  flexible: "0+",
  fields: {
    memberEpoch: wire.int32,
    previousMemberEpoch: wire.int32,
    state: wire.int8,
    assignedPartitions: wire.array(heldPartitions),
    partitionsPendingRevocation: wire.array(heldPartitions),
  },
});
