import type { TopicRules } from "../../../replication/controller/controlled-node.ts";
import type { BrokerConfigs } from "../../configs/broker-configs.ts";
import { overrideTopicSettings } from "../../configs/topic-defaults.ts";
import { isInternalTopic } from "../../topics/internal-topics.ts";
import type { TopicEntry } from "../../topics/topic-entry.ts";

/** What the controller goes by, as a topic's entry and this node's defaults say. */
export function topicRules(
  name: string,
  { partitions, configs: own }: Pick<TopicEntry, "partitions" | "configs">,
  configs: BrokerConfigs,
): TopicRules {
  const settings = overrideTopicSettings(configs.topicDefaultsOf(name), own);
  return {
    partitions,
    // As the topic's own partitions have it.
    durability: isInternalTopic(name) ? "fsync" : settings.durability,
    minInsyncReplicas: settings["min.insync.replicas"],
    allowsUnclean: settings["unclean.leader.election.enable"],
    isEverywhere: false,
  };
}
