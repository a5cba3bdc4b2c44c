import { XylemError } from "../../base/errors.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { internalTopics } from "./internal-topics.ts";
import type { NewTopic } from "./new-topic.ts";
import type { TopicChains } from "./topic-chains.ts";

/**
 * One of the broker's own topics, as it is to be made. Nothing adds replicas to it later but a
 * plan, so it gets those of its setting at once, or one on each node that holds replicas where
 * those are fewer. Throws COORDINATOR_NOT_AVAILABLE until as many are up: clients ask again.
 */
export function newInternalTopic(
  name: string,
  settings: NodeSettings,
  chains: Pick<TopicChains, "nodeIds" | "seatCount"> | undefined,
): NewTopic {
  const internal = internalTopics.get(name);
  if (internal === undefined) {
    throw new XylemError("INVALID_TOPIC_EXCEPTION", `${name} is no internal topic`);
  }
  const replicas = Math.min(internal.replicas(settings), Math.max(1, chains?.seatCount() ?? 1));
  const upCount = chains?.nodeIds().length ?? 1;
  if (upCount < replicas) {
    const detail = `${name} is to have ${replicas} replicas; nodes up for them: ${upCount}`;
    throw new XylemError("COORDINATOR_NOT_AVAILABLE", detail);
  }
  const partitions = internal.partitions(settings);
  return { name, partitions, replicas, configs: internal.configs(settings) };
}
