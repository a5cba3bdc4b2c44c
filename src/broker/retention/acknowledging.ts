import type { Topic } from "../topics/live-topic.ts";

/** What a topic says of the groups that its records wait for. */
export type AcknowledgedTopic = Pick<Topic, "name" | "id" | "settings" | "partitions">;

/** Whether records of the topic go by `retention.acknowledged`. */
export function isAcknowledged({ settings }: Pick<Topic, "settings">): boolean {
  return settings["retention.acknowledged"] && settings["cleanup.policy"].includes("delete");
}

/**
 * Whether a group's committed offset keeps records of the topic. Such an offset does not expire:
 * what it has not passed would go with it. It ends with its group, deleted by name.
 */
export function isHeldFor(topic: Pick<Topic, "settings"> | undefined, group: string): boolean {
  if (topic === undefined || !isAcknowledged(topic)) return false;
  const named = topic.settings["retention.acknowledged.groups"];
  return named.length === 0 || named.includes(group);
}
