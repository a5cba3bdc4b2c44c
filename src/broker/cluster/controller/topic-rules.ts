import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { TopicRules } from "../../../replication/controller/controlled-node.ts";
import { isInternalTopic } from "../../topics/internal-topics.ts";

/** What chains of a topic go by. */
export function topicRules(name: string, partitions: number, settings: TopicSettings): TopicRules {
  return {
    partitions,
    // As the topic's own partitions have it.
    durability: isInternalTopic(name) ? "fsync" : settings.durability,
    minInsyncReplicas: settings["min.insync.replicas"],
    allowsUnclean: settings["unclean.leader.election.enable"],
    isEverywhere: settings.replicas === "all",
  };
}
