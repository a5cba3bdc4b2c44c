import { XylemError } from "../../base/errors.ts";
import type { Broker } from "../broker.ts";

/** Throws TOPIC_DELETION_DISABLED, UNKNOWN_TOPIC_OR_PARTITION. Durable when it resolves. */
export async function deleteTopic(
  { settings, topics }: Pick<Broker, "settings" | "topics">,
  name: string,
): Promise<void> {
  if (!settings["delete.topic.enable"]) {
    throw new XylemError("TOPIC_DELETION_DISABLED", "This cluster has topic deletion disabled.");
  }
  await topics.delete(name);
}
