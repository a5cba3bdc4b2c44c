import type { groupConfigSettings } from "../../base/settings/group-config-settings.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { AssignorName } from "../../groups/consumer/assignors/assignor.ts";
import type { GroupTopics } from "../../groups/consumer/consumer-events.ts";
import type { MachineLimits } from "../../groups/group-machine.ts";

/** Kafka's own: how long a member's first JoinGroup may wait. */
const newMemberJoinTimeoutMs = 300_000;

export interface LimitsOptions {
  readonly settings: NodeSettings;
  readonly groupTopics: GroupTopics;
  /** The group's own configs in their text form. */
  groupConfigs(group: string): ReadonlyMap<string, string>;
}

/** Limits follow the settings, and the groups' own configs, while the node runs. */
export function liveLimits(options: LimitsOptions): MachineLimits {
  const { settings, groupTopics } = options;
  const ownNumber = (group: string, name: keyof typeof groupConfigSettings): number | undefined => {
    const text = options.groupConfigs(group).get(name);
    return text === undefined ? undefined : Number(text);
  };
  const classic = {
    get membersMax() {
      return settings["group.max.size"];
    },
    get pendingMembersMax() {
      return settings["group.pending.members.max"];
    },
    get initialRebalanceDelayMs() {
      return settings["group.initial.rebalance.delay.ms"];
    },
    newMemberJoinTimeoutMs,
  };
  const consumer: MachineLimits["consumer"] = (group) => ({
    topics: groupTopics,
    get membersMax() {
      return settings["group.consumer.max.size"];
    },
    get sessionTimeoutMs() {
      const own = ownNumber(group, "consumer.session.timeout.ms");
      return own ?? settings["group.consumer.session.timeout.ms"];
    },
    get heartbeatIntervalMs() {
      const own = ownNumber(group, "consumer.heartbeat.interval.ms");
      return own ?? settings["group.consumer.heartbeat.interval.ms"];
    },
    get assignmentIntervalMs() {
      const own = ownNumber(group, "consumer.assignment.interval.ms");
      return own ?? settings["group.consumer.assignment.interval.ms"];
    },
    get assignors() {
      // The setting's rule lets no other names through.
      return settings["group.consumer.assignors"] as readonly AssignorName[];
    },
  });
  return { classic, consumer };
}
