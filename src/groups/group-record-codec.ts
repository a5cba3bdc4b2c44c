import { ByteReader, type ByteWriter, type Int64 } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import {
  GroupMetadataKey,
  GroupMetadataValue,
} from "../protocol/messages/group-metadata-record.ts";
import {
  LegacyOffsetCommitKey,
  OffsetCommitKey,
  OffsetCommitValue,
} from "../protocol/messages/offset-commit-record.ts";
import { readConsumerRecord, writeConsumerRecord } from "./consumer/consumer-record-codec.ts";
import type {
  ClassicGroupImage,
  ClassicGroupRecord,
  CommittedOffset,
  GroupRecord,
  OffsetRecord,
} from "./group-record.ts";
import { openValue, writePrefixed, type RecordBytes } from "./record-bytes.ts";

/** What Kafka 4.3 writes; an explicit expiry time needs the one version that has the field. */
const offsetVersion = 4;
const expiringOffsetVersion = 1;
const groupVersion = 3;

const offsetTypes = [0, 1];
const groupType = 2;

/** Key and value of an internal record (records.md, Internal topic records). */
export function writeGroupRecord(record: GroupRecord): RecordBytes {
  if (record.kind === "offset") return writeOffset(record);
  return record.kind === "classicGroup" ? writeGroup(record) : writeConsumerRecord(record);
}

/**
 * Reads what any Kafka version wrote. Undefined: a record of another kind (share and
 * streams groups, transactions), which the reader may pass over. Throws MalformedError.
 */
export function readGroupRecord({ key, value }: RecordBytes): GroupRecord | undefined {
  const reader = new ByteReader(key);
  const type = reader.int16();
  if (type === groupType) {
    const { group } = GroupMetadataKey.read(reader, 0);
    return { kind: "classicGroup", group, value: value && readGroupValue(value) };
  }
  if (!offsetTypes.includes(type)) return readConsumerRecord(type, reader, value);
  const codec = type === 0 ? LegacyOffsetCommitKey : OffsetCommitKey;
  const { group, topic, partition } = codec.read(reader, 0);
  const offset = value && readOffsetValue(value, type);
  return { kind: "offset", group, topic, partition, value: offset };
}

function writeOffset({ group, topic, partition, value }: OffsetRecord): RecordBytes {
  const key = writePrefixed(1, (writer) =>
    OffsetCommitKey.write(writer, { group, topic, partition }, 0),
  );
  if (value === null) return { key, value };
  const version = value.expireTimestampMs === null ? offsetVersion : expiringOffsetVersion;
  const body = {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestamp: value.commitTimestampMs,
    expireTimestamp: value.expireTimestampMs ?? -1,
    ...(value.topicId === null ? {} : { topicId: value.topicId }),
  };
  const write = (writer: ByteWriter): void => OffsetCommitValue.write(writer, body, version);
  return { key, value: writePrefixed(version, write) };
}

function writeGroup({ group, value }: ClassicGroupRecord): RecordBytes {
  const key = writePrefixed(groupType, (writer) => GroupMetadataKey.write(writer, { group }, 0));
  if (value === null) return { key, value };
  const body = {
    protocolType: value.protocolType,
    generation: value.generation,
    protocol: value.protocolName,
    leader: value.leader,
    currentStateTimestamp: value.stateTimestampMs,
    members: value.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: member.subscription,
      assignment: member.assignment,
    })),
  };
  const write = (writer: ByteWriter): void => GroupMetadataValue.write(writer, body, groupVersion);
  return { key, value: writePrefixed(groupVersion, write) };
}

function readOffsetValue(bytes: Uint8Array, keyType: number): CommittedOffset {
  const { reader, version } = openValue(bytes, OffsetCommitValue.validVersions.max);
  // A key of type 0 goes with the one value version there was then.
  const value = OffsetCommitValue.read(reader, keyType === 0 ? 0 : version);
  const expireTimestampMs = toNumber(value.expireTimestamp);
  return {
    offset: toNumber(value.offset),
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestampMs: toNumber(value.commitTimestamp),
    expireTimestampMs: expireTimestampMs === -1 ? null : expireTimestampMs,
    topicId: value.topicId.some((byte) => byte !== 0) ? value.topicId.slice() : null,
  };
}

function readGroupValue(bytes: Uint8Array): ClassicGroupImage {
  const { reader, version } = openValue(bytes, GroupMetadataValue.validVersions.max);
  const value = GroupMetadataValue.read(reader, version);
  return {
    protocolType: value.protocolType,
    generation: value.generation,
    protocolName: value.protocol,
    leader: value.leader,
    stateTimestampMs: toNumber(value.currentStateTimestamp),
    members: value.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeout,
      sessionTimeoutMs: member.sessionTimeout,
      subscription: member.subscription.slice(),
      assignment: member.assignment.slice(),
    })),
  };
}

function toNumber(value: Int64): number {
  if (typeof value === "number") return value;
  throw new MalformedError(`${value} in a group record is past what an offset or time can be`);
}
