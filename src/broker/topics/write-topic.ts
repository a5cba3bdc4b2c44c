import { XylemError } from "../../base/errors.ts";
import type { Coordinator, Write } from "../ports/coordinator.ts";
import type { LiveTopic } from "./live-topic.ts";
import { deletedKey, formatTopicEntry, topicKey, type TopicEntry } from "./topic-entry.ts";

/**
 * Replaces a topic's entry, if nobody else has, along with other keys. A null entry deletes it and
 * notes that its files are to go.
 */
export async function writeTopic(
  coordinator: Coordinator,
  topic: LiveTopic,
  entry: TopicEntry | null,
  others: readonly Write[] = [],
): Promise<void> {
  const key = topicKey(topic.name);
  const writes =
    entry === null
      ? [{ key, value: null }, noteFiles(topic)]
      : [{ key, value: formatTopicEntry(entry) }];
  const compares = [{ key, revision: topic.revision }];
  const revision = await coordinator.transact(compares, [...writes, ...others]);
  if (revision === undefined) {
    const code = topic.revision === 0 ? "TOPIC_ALREADY_EXISTS" : "NOT_CONTROLLER";
    throw new XylemError(code, `Topic '${topic.name}' was changed by another node.`);
  }
  topic.revision = revision;
  if (entry !== null) topic.isStoredDense = entry.isDense;
}

/** Files with the topic's id are removed at the next start, unless `forgetFiles` comes first. */
export function noteFiles({ id, name }: Pick<LiveTopic, "id" | "name">): Write {
  return { key: deletedKey(id), value: name };
}

export function forgetFiles({ id }: Pick<LiveTopic, "id">): Write {
  return { key: deletedKey(id), value: null };
}
