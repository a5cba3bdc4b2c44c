import { assert } from "../../base/assert.ts";
import { parseJsonObject } from "../../base/json-object.ts";
import { formatUuid, parseUuid, type Uuid } from "../../base/uuid.ts";

export const topicsPrefix = "topics/";
/** Topics whose entry is gone and whose files may not be. */
export const deletedPrefix = "deleted-topics/";

/** A topic as the coordinator keeps it, below `topics/<name>`, in JSON. */
export interface TopicEntry {
  readonly id: Uuid;
  readonly partitions: number;
  readonly configs: ReadonlyMap<string, string>;
  /** As of TopicKey. */
  readonly isDense: boolean;
}

/** A topic of which some node may still have files. */
export interface DeletedTopic {
  readonly name: string;
  /** The nodes that have not said that theirs are gone; undefined: there is but one node. */
  readonly nodeIds: readonly number[] | undefined;
}

export const topicKey = (name: string): string => topicsPrefix + name;
export const deletedKey = (id: Uuid): string => deletedPrefix + formatUuid(id);

export function formatTopicEntry(entry: TopicEntry): string {
  return JSON.stringify({
    id: formatUuid(entry.id),
    partitions: entry.partitions,
    configs: Object.fromEntries(entry.configs),
    dense: entry.isDense,
  });
}

/** A single node writes the bare name, which holds no brace. */
export function formatDeletedTopic({ name, nodeIds }: DeletedTopic): string {
  return nodeIds === undefined ? name : JSON.stringify({ name, nodes: nodeIds });
}

export function parseDeletedTopic(text: string): DeletedTopic {
  if (!text.startsWith("{")) return { name: text, nodeIds: undefined };
  const { name, nodes } = parseJsonObject(text) ?? {};
  const isWhole = typeof name === "string" && Array.isArray(nodes);
  assert(isWhole, `the coordinator's entry of a deleted topic is not one of ours: ${text}`);
  return { name, nodeIds: nodes as readonly number[] };
}

/** The same with the topic's id, which its key says. */
export function readDeletedTopic(key: string, text: string): DeletedTopic & { readonly id: Uuid } {
  return { ...parseDeletedTopic(text), id: parseUuid(key.slice(deletedPrefix.length)) };
}

/** Our own writing: anything else in it is a defect, or a newer version's. */
export function parseTopicEntry(name: string, text: string): TopicEntry {
  const value = parseJsonObject(text) ?? {};
  const { id, partitions, configs, dense } = value;
  const isWhole =
    typeof id === "string" &&
    Number.isSafeInteger(partitions) &&
    (partitions as number) > 0 &&
    typeof configs === "object" &&
    configs !== null;
  assert(isWhole, `the coordinator's entry of topic ${name} is not one of ours: ${text}`);
  return {
    id: parseUuid(id),
    partitions: partitions as number,
    configs: new Map(Object.entries(configs as Record<string, string>)),
    isDense: dense === true,
  };
}
