import { MalformedError } from "../base/errors.ts";
import { formatUuid, parseUuid, type Uuid } from "../base/uuid.ts";

const pattern = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/;

/** The text of `partition.metadata`. */
export function formatPartitionMetadata(topicId: Uuid): string {
  return `version: 0\ntopic_id: ${formatUuid(topicId)}`;
}

/** The topic's id. Throws MalformedError. */
export function parsePartitionMetadata(text: string): Uuid {
  const match = pattern.exec(text.replaceAll("\r", ""));
  if (match === null) throw new MalformedError("partition.metadata is not of version 0");
  return parseUuid(match[1] as string);
}
