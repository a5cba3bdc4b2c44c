import { XylemError } from "../../base/errors.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { Coordinator, Write } from "../ports/coordinator.ts";
import { readEntry } from "../ports/read-entry.ts";
import type { LiveTopic } from "./live-topic.ts";
import {
  deletedKey,
  formatDeletedTopic,
  formatTopicEntry,
  parseDeletedTopic,
  topicKey,
  type TopicEntry,
} from "./topic-entry.ts";

/** Other nodes take themselves off the same note; each round one of them wins. */
const roundsMax = 1_000;

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
  if (revision === undefined) throw changedMeanwhile(topic);
  if (entry === null) topic.revision = revision;
  else topic.stored(entry, revision);
}

export function changedMeanwhile({ name, revision }: LiveTopic): XylemError {
  const code = revision === 0 ? "TOPIC_ALREADY_EXISTS" : "NOT_CONTROLLER";
  return new XylemError(code, `Topic '${name}' was changed by another node.`);
}

/** Files with the topic's id are removed at the next start, unless `forgetFiles` comes first. */
export function noteFiles({ id, name }: Pick<LiveTopic, "id" | "name">): Write {
  return { key: deletedKey(id), value: formatDeletedTopic({ name, nodeIds: undefined }) };
}

export function forgetFiles({ id }: Pick<LiveTopic, "id">): Write {
  return { key: deletedKey(id), value: null };
}

/** Whether a topic was deleted, and some node has still to say that its files are gone. */
export async function isNoted(coordinator: Coordinator, id: Uuid): Promise<boolean> {
  return (await readEntry(coordinator, deletedKey(id))) !== undefined;
}

/** Files of a deleted topic are gone from this node; the last node to say so ends the matter. */
export async function finishDeletion(
  coordinator: Coordinator,
  id: Uuid,
  nodeId: number | undefined,
): Promise<void> {
  const key = deletedKey(id);
  if (nodeId === undefined) {
    await coordinator.transact([], [{ key, value: null }]);
    return;
  }
  for (let round = 0; round < roundsMax; round += 1) {
    const note = await readEntry(coordinator, key);
    if (note === undefined) return;
    const { name, nodeIds = [] } = parseDeletedTopic(note.value);
    const left = nodeIds.filter((other) => other !== nodeId);
    if (left.length === nodeIds.length) return;
    const value = left.length === 0 ? null : formatDeletedTopic({ name, nodeIds: left });
    const compares = [{ key, revision: note.revision }];
    if ((await coordinator.transact(compares, [{ key, value }])) !== undefined) return;
  }
  throw new XylemError("NOT_CONTROLLER", `The note ${key} is never the same`);
}
