import { groupKey } from "../broker/configs/config-store.ts";
import type { Broker } from "../broker/broker.ts";
import type { GroupCoordinator } from "../broker/groups/group-coordinator.ts";
import { isHeldFor } from "../broker/retention/acknowledging.ts";
import { offsetsTopic } from "../broker/topics/internal-topics.ts";
import type { BatchTools } from "../protocol/build-batch.ts";

/** Loads and starts the group coordinator over `__consumer_offsets`. */
export async function openGroups(
  broker: Omit<Broker, "groups" | "retention">,
  tools: BatchTools,
): Promise<GroupCoordinator> {
  const [{ GroupCoordinator }, { TopicGroupLog }, { LiveGroupTopics }] = await Promise.all([
    import("../broker/groups/group-coordinator.ts"),
    import("../broker/groups/topic-group-log.ts"),
    import("../broker/groups/live-group-topics.ts"),
  ]);
  const { topics, configs, settings, clock, log, deadlines, random } = broker;
  const groupLog = new TopicGroupLog({ topics, settings, clock, log, tools });
  const groups = new GroupCoordinator({
    log: broker.rehearsal?.groupLog(groupLog) ?? groupLog,
    settings,
    clock,
    deadlines,
    random,
    messages: log,
    groupTopics: new LiveGroupTopics(topics),
    groupConfigs: (group) => configs.store.get(groupKey(group)),
    holdsOffset: (group, topic) => isHeldFor(topics.find(topic), group),
  });
  groups.start();
  topics.onDeleted(({ name }) => void groups.forgetTopic(name, name === offsetsTopic));
  return groups;
}
