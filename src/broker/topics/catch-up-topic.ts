import type { Broker } from "../broker.ts";
import { topicKey } from "./topic-entry.ts";

/**
 * In a cluster: waits until what other nodes have done to a topic by now has been done here too.
 * Throws UNKNOWN_TOPIC_OR_PARTITION when there is none then.
 */
export async function catchUpTopic(
  { topics, cluster }: Pick<Broker, "topics" | "cluster">,
  name: string,
): Promise<void> {
  await cluster?.feed.catchUp(topicKey(name));
  // It has its turn behind what that has begun, and changes nothing.
  await topics.configure(name, () => undefined);
}
