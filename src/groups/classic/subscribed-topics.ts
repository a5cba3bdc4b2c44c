import type { ClassicRoster } from "./classic-roster.ts";

/** Kafka's name of the consumers' own protocol type; other types are never looked into. */
const consumerType = "consumer";

/** Kafka Streams speaks type `consumer` with bytes of its own. */
const streamsProtocol = "stream";

export interface Subscribed {
  readonly roster: ClassicRoster;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
}

/**
 * The topics that any member of a consumer group subscribes to. Undefined when that can not be
 * known: another protocol type, Streams, no protocol chosen yet, or bytes that do not follow
 * ConsumerProtocolSubscription.
 */
export function findSubscribedTopics(group: Subscribed): ReadonlySet<string> | undefined {
  if (group.protocolType !== consumerType) return undefined;
  if (group.roster.size === 0) return new Set();
  if (group.protocolName === null || group.protocolName === streamsProtocol) return undefined;
  const topics = new Set<string>();
  for (const member of group.roster.all()) {
    const own = readSubscription(member.metadataOf(group.protocolName));
    if (own === undefined) return undefined;
    for (const topic of own) topics.add(topic);
  }
  return topics;
}

/** The topic names that every version begins with; undefined for bytes that are something else. */
function readSubscription(bytes: Uint8Array): string[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getInt16(0) < 0) return undefined;
  const count = view.getInt32(2);
  if (count < 0 || count > (bytes.length - 6) / 2) return undefined;
  const topics: string[] = [];
  let position = 6;
  for (let index = 0; index < count; index++) {
    if (position + 2 > bytes.length) return undefined;
    const length = view.getInt16(position);
    position += 2;
    if (length < 0 || position + length > bytes.length) return undefined;
    topics.push(readTopicName(bytes.subarray(position, position + length)));
    position += length;
  }
  return topics;
}

/** Topic names are ASCII; any other byte makes a name that no topic has. */
function readTopicName(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
