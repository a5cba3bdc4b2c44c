import { ByteWriter } from "../../src/base/bytes.ts";
import { parseUuid } from "../../src/base/uuid.ts";
import { buildBatch } from "../../src/protocol/build-batch.ts";
import {
  ConfigRecord,
  PartitionRecord,
  RemoveTopicRecord,
  TopicRecord,
} from "../../src/protocol/messages/metadata-record.ts";
import type { MessageCodec } from "../../src/protocol/schema/message.ts";
import { tools } from "./log-directory.ts";

/** Values of a Kafka metadata log's records: frame version, type, version, message. */
function framed<W>(codec: MessageCodec<unknown, W>, value: W, version = 0): Uint8Array {
  const writer = new ByteWriter();
  for (const number of [1, codec.key ?? 0, version]) writer.uvarint(number);
  codec.write(writer, value, version);
  return writer.toBytes();
}

/** A mark of type 23 (begin), 24 (end) or 25 (abort): no tagged fields. */
export const markRecord = (type: number): Uint8Array => Uint8Array.of(1, type, 0, 0);

export const configRecord = (
  resourceType: number,
  resourceName: string,
  [name, value]: readonly [string, string | null],
): Uint8Array => framed(ConfigRecord, { resourceType, resourceName, name, value });

export const removeTopicRecord = (id: string): Uint8Array =>
  framed(RemoveTopicRecord, { topicId: parseUuid(id) });

/** A topic with so many partitions, all on one node. */
export function topicRecords(name: string, id: string, count = 1, nodeId = 1): Uint8Array[] {
  const topicId = parseUuid(id);
  const replicas = { replicas: [nodeId], isr: [nodeId], removingReplicas: [], addingReplicas: [] };
  const partitions = Array.from({ length: count }, (_, partitionId) => {
    const place = { ...replicas, leader: nodeId, leaderEpoch: 0, partitionEpoch: 0 };
    return framed(PartitionRecord, { partitionId, topicId, ...place, directories: [topicId] }, 1);
  });
  return [framed(TopicRecord, { name, topicId }), ...partitions];
}

/** One batch of such records. */
export function metadataBatch(values: readonly Uint8Array[], baseOffset = 0): Uint8Array {
  const records = values.map((value) => ({ key: null, value, timestampMs: 1 }));
  return buildBatch(records, { baseOffset, leaderEpoch: 1 }, tools);
}
