import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for consumer groups (KIP-848). */
export const ConsumerGroupDescribeRequest = message({
  name: "ConsumerGroupDescribeRequest",
  key: 69,
  versions: "0-1",
  flexible: "0+",
  fields: {
    groupIds: wire.array(wire.string),
    includeAuthorizedOperations: wire.bool,
  },
});

const topicPartitions = wire.struct({
  topicId: wire.uuid,
  topicName: wire.string,
  partitions: wire.array(wire.int32),
});

const assignment = wire.struct({
  topicPartitions: wire.array(topicPartitions),
});

/** Groups with members, current and target assignments. */
export const ConsumerGroupDescribeResponse = message({
  name: "ConsumerGroupDescribeResponse",
  key: 69,
  versions: "0-1",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    groups: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.otherwise(wire.nullableString, null),
      groupId: wire.string,
      groupState: wire.string,
      groupEpoch: wire.int32,
      assignmentEpoch: wire.int32,
      assignorName: wire.string,
      members: wire.array({
        memberId: wire.string,
        instanceId: wire.otherwise(wire.nullableString, null),
        rackId: wire.otherwise(wire.nullableString, null),
        memberEpoch: wire.int32,
        clientId: wire.string,
        clientHost: wire.string,
        subscribedTopicNames: wire.array(wire.string),
        subscribedTopicRegex: wire.otherwise(wire.nullableString, null),
        assignment: assignment,
        targetAssignment: assignment,
        memberType: wire.since(1, wire.int8, -1, wire.ignorable),
      }),
      authorizedOperations: wire.otherwise(wire.int32, -2_147_483_648),
    }),
  },
});
