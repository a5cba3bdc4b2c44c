import { GroupCoordinator, type GroupCoordinatorOptions } from "./group-coordinator.ts";
import { offsetsTopic, TopicGroupLog, type TopicGroupLogOptions } from "./topic-group-log.ts";

export type OpenGroupsOptions = Omit<GroupCoordinatorOptions, "log" | "messages"> &
  TopicGroupLogOptions;

/** The group coordinator over the real topics; it begins to load and hears of deleted topics. */
export function openGroups(options: OpenGroupsOptions): GroupCoordinator {
  const log = new TopicGroupLog(options);
  const groups = new GroupCoordinator({ ...options, log, messages: options.log });
  options.topics.onDeleted(({ name }) => {
    void groups.forgetTopic(name, name === offsetsTopic);
  });
  groups.start();
  return groups;
}
