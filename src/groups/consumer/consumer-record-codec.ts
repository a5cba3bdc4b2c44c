import type { ByteReader, Int64 } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import { formatUuid, parseUuid } from "../../base/uuid.ts";
import {
  ConsumerGroupCurrentMemberAssignmentKey as CurrentKey,
  ConsumerGroupCurrentMemberAssignmentValue as CurrentValue,
  ConsumerGroupTargetAssignmentMemberKey as TargetMemberKey,
  ConsumerGroupTargetAssignmentMemberValue as TargetMemberValue,
  ConsumerGroupTargetAssignmentMetadataKey as TargetKey,
  ConsumerGroupTargetAssignmentMetadataValue as TargetValue,
} from "../../protocol/messages/consumer-group-assignment-record.ts";
import {
  ConsumerGroupMemberMetadataKey as MemberKey,
  ConsumerGroupMemberMetadataValue as MemberValue,
} from "../../protocol/messages/consumer-group-member-record.ts";
import {
  ConsumerGroupMetadataKey as GroupKey,
  ConsumerGroupMetadataValue as GroupValue,
} from "../../protocol/messages/consumer-group-record.ts";
import type {
  ConsumerGroupRecord,
  PartitionEpochs,
  StoredCurrent,
  TopicPartitions,
} from "../group-record.ts";
import { openValue, writePrefixed, type RecordBytes } from "../record-bytes.ts";

const types = {
  consumerGroup: 3,
  consumerMember: 5,
  consumerTarget: 6,
  consumerTargetMember: 7,
  consumerCurrent: 8,
} as const;

/** The one version that all values have. */
const version = 0;

/** As stored: the place of each is its number. */
const phases: readonly StoredCurrent["phase"][] = ["stable", "unrevoked", "unreleased"];

type RecordOf<Kind extends ConsumerGroupRecord["kind"]> = Extract<
  ConsumerGroupRecord,
  { kind: Kind }
>;

/** Key and value of a record of a consumer group as Kafka 4.3 writes it (KIP-848). */
export function writeConsumerRecord(record: ConsumerGroupRecord): RecordBytes {
  const key = writeKey(record);
  return { key, value: record.value === null ? null : writeValue(record) };
}

/** Undefined: a key of another kind. Throws MalformedError. */
export function readConsumerRecord(
  type: number,
  reader: ByteReader,
  value: Uint8Array | null,
): ConsumerGroupRecord | undefined {
  switch (type) {
    case types.consumerGroup: {
      const { groupId: group } = GroupKey.read(reader, version);
      return { kind: "consumerGroup", group, value: value && readGroup(value) };
    }
    case types.consumerMember: {
      const { groupId: group, memberId } = MemberKey.read(reader, version);
      return { kind: "consumerMember", group, memberId, value: value && readMember(value) };
    }
    case types.consumerTarget: {
      const { groupId: group } = TargetKey.read(reader, version);
      return { kind: "consumerTarget", group, value: value && readTarget(value) };
    }
    case types.consumerTargetMember: {
      const { groupId: group, memberId } = TargetMemberKey.read(reader, version);
      const target = value && readTargetMember(value);
      return { kind: "consumerTargetMember", group, memberId, value: target };
    }
    case types.consumerCurrent: {
      const { groupId: group, memberId } = CurrentKey.read(reader, version);
      return { kind: "consumerCurrent", group, memberId, value: value && readCurrent(value) };
    }
  }
  return undefined;
}

function writeKey(record: ConsumerGroupRecord): Uint8Array {
  const { group: groupId, kind } = record;
  return writePrefixed(types[kind], (writer) => {
    if (kind === "consumerGroup") GroupKey.write(writer, { groupId }, version);
    else if (kind === "consumerTarget") TargetKey.write(writer, { groupId }, version);
    else {
      const { memberId } = record as RecordOf<"consumerMember">;
      // The keys of all parts of a member are alike.
      MemberKey.write(writer, { groupId, memberId }, version);
    }
  });
}

function writeValue(record: ConsumerGroupRecord): Uint8Array {
  return writePrefixed(version, (writer) => {
    if (record.value === null) return;
    switch (record.kind) {
      case "consumerGroup":
        return GroupValue.write(writer, record.value, version);
      case "consumerMember": {
        const { subscribedTopics, ...terms } = record.value;
        const names = { subscribedTopicNames: subscribedTopics, subscribedTopicRegex: null };
        return MemberValue.write(writer, { ...terms, ...names }, version);
      }
      case "consumerTarget": {
        const { epoch: assignmentEpoch, timestampMs: assignmentTimestamp } = record.value;
        return TargetValue.write(writer, { assignmentEpoch, assignmentTimestamp }, version);
      }
      case "consumerTargetMember": {
        const topicPartitions = [...record.value].map(([topicId, partitions]) => ({
          topicId: parseUuid(topicId),
          partitions,
        }));
        return TargetMemberValue.write(writer, { topicPartitions }, version);
      }
      case "consumerCurrent":
        return CurrentValue.write(writer, currentBody(record.value), version);
    }
  });
}

function currentBody(current: StoredCurrent) {
  return {
    memberEpoch: current.epoch,
    previousMemberEpoch: current.previousEpoch,
    state: phases.indexOf(current.phase),
    assignedPartitions: heldBody(current.assigned),
    partitionsPendingRevocation: heldBody(current.pendingRevocation),
  };
}

function heldBody(held: PartitionEpochs) {
  return [...held].map(([topicId, partitions]) => ({
    topicId: parseUuid(topicId),
    partitions: [...partitions.keys()],
    assignmentEpochs: [...partitions.values()],
  }));
}

function readGroup(bytes: Uint8Array): RecordOf<"consumerGroup">["value"] {
  const { epoch, metadataHash } = GroupValue.read(openValue(bytes, version).reader, version);
  return { epoch, metadataHash: toNumber(metadataHash) };
}

function readMember(bytes: Uint8Array): RecordOf<"consumerMember">["value"] {
  const value = MemberValue.read(openValue(bytes, version).reader, version);
  return {
    instanceId: value.instanceId,
    rackId: value.rackId,
    clientId: value.clientId,
    clientHost: value.clientHost,
    subscribedTopics: [...new Set(value.subscribedTopicNames)].toSorted(),
    rebalanceTimeoutMs: value.rebalanceTimeoutMs,
    serverAssignor: value.serverAssignor,
  };
}

function readTarget(bytes: Uint8Array): RecordOf<"consumerTarget">["value"] {
  const value = TargetValue.read(openValue(bytes, version).reader, version);
  return { epoch: value.assignmentEpoch, timestampMs: toNumber(value.assignmentTimestamp) };
}

function readTargetMember(bytes: Uint8Array): TopicPartitions {
  const { topicPartitions } = TargetMemberValue.read(openValue(bytes, version).reader, version);
  return new Map(
    topicPartitions.map(({ topicId, partitions }) => [formatUuid(topicId), partitions]),
  );
}

function readCurrent(bytes: Uint8Array): StoredCurrent {
  const value = CurrentValue.read(openValue(bytes, version).reader, version);
  const phase = phases[value.state];
  if (phase === undefined) throw new MalformedError(`there is no member state ${value.state}`);
  return {
    epoch: value.memberEpoch,
    previousEpoch: value.previousMemberEpoch,
    phase,
    assigned: readHeld(value.assignedPartitions, value.memberEpoch),
    pendingRevocation: readHeld(value.partitionsPendingRevocation, value.memberEpoch),
  };
}

/** Before Kafka told the epochs of partitions, the member's own was all there was to know. */
function readHeld(
  held: ReturnType<typeof CurrentValue.read>["assignedPartitions"],
  memberEpoch: number,
): PartitionEpochs {
  const epochs = new Map<string, ReadonlyMap<number, number>>();
  for (const { topicId, partitions, assignmentEpochs } of held) {
    epochs.set(
      formatUuid(topicId),
      new Map(partitions.map((one, at) => [one, assignmentEpochs?.[at] ?? memberEpoch])),
    );
  }
  return epochs;
}

/** A hash or a time that a double does not hold is as good as unknown. */
function toNumber(value: Int64): number {
  return typeof value === "number" ? value : 0;
}
