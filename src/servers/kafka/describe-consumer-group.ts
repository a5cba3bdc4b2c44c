import { ByteWriter } from "../../base/bytes.ts";
import { parseUuid } from "../../base/uuid.ts";
import type { Broker } from "../../broker/broker.ts";
import type {
  ConsumerGroupDescription,
  ConsumerMemberDescription,
} from "../../groups/consumer/consumer-group.ts";
import type { ResponseOf } from "../../protocol/api-table.ts";
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from "../../protocol/messages/consumer-protocol.ts";

type Described = ResponseOf<"DescribeGroups">["groups"][number];

const version = 0;

/**
 * A server-assigned group in the words of DescribeGroups, for tools that know no others: what its
 * members subscribe to and have, in the bytes that consumers of the classic protocol use.
 */
export function describeConsumerGroup(
  { topics }: Pick<Broker, "topics">,
  { phase, assignor, members }: ConsumerGroupDescription,
): Pick<Described, "groupState" | "protocolType" | "protocolData" | "members"> {
  return {
    groupState: phase,
    protocolType: "consumer",
    protocolData: assignor,
    members: members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: subscriptionOf(member),
      memberAssignment: assignmentOf(member, topics),
    })),
  };
}

function subscriptionOf({ subscribedTopics }: ConsumerMemberDescription): Uint8Array {
  return versioned((writer) =>
    ConsumerProtocolSubscription.write(writer, { topics: subscribedTopics }, version),
  );
}

/** Partitions of a topic that is no more have no name to be told by. */
function assignmentOf(
  { assigned }: ConsumerMemberDescription,
  topics: Broker["topics"],
): Uint8Array {
  const assignedPartitions = [...assigned].flatMap(([topicId, partitions]) => {
    const topic = topics.findById(parseUuid(topicId))?.name;
    return topic === undefined ? [] : [{ topic, partitions }];
  });
  return versioned((writer) =>
    ConsumerProtocolAssignment.write(writer, { assignedPartitions }, version),
  );
}

function versioned(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(version);
  write(writer);
  return writer.toBytes();
}
