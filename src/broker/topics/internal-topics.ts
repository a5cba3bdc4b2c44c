import type { NodeSettings } from "../../base/settings/node-settings.ts";

/** What the broker itself keeps in topics: made on first need, always flushed before it counts. */
export interface InternalTopic {
  partitions(settings: NodeSettings): number;
  replicas(settings: NodeSettings): number;
  configs(settings: NodeSettings): ReadonlyMap<string, string>;
}

/** Where groups keep their offsets and members. */
export const offsetsTopic = "__consumer_offsets";

export const internalTopics: ReadonlyMap<string, InternalTopic> = new Map([
  [
    offsetsTopic,
    {
      partitions: (settings) => settings["offsets.topic.num.partitions"],
      replicas: (settings) => settings["offsets.topic.replication.factor"],
      configs: (settings) =>
        compacted(settings["offsets.topic.segment.bytes"], ["compression.type", "producer"]),
    },
  ],
  [
    "__transaction_state",
    {
      partitions: (settings) => settings["transaction.state.log.num.partitions"],
      replicas: (settings) => settings["transaction.state.log.replication.factor"],
      configs: (settings) =>
        compacted(
          settings["transaction.state.log.segment.bytes"],
          ["compression.type", "uncompressed"],
          ["min.insync.replicas", String(settings["transaction.state.log.min.isr"])],
          ["unclean.leader.election.enable", "false"],
        ),
    },
  ],
  [
    "__share_group_state",
    {
      partitions: (settings) => settings["share.coordinator.state.topic.num.partitions"],
      replicas: (settings) => settings["share.coordinator.state.topic.replication.factor"],
      configs: (settings) => compacted(settings["share.coordinator.state.topic.segment.bytes"]),
    },
  ],
] satisfies readonly [string, InternalTopic][]);

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name);
}

function compacted(
  segmentBytes: number,
  ...more: readonly [string, string][]
): ReadonlyMap<string, string> {
  const segment: [string, string] =
    segmentBytes < segmentBytesMin
      ? ["internal.segment.bytes", String(segmentBytes)]
      : ["segment.bytes", String(segmentBytes)];
  return new Map([["cleanup.policy", "compact"], segment, ...more]);
}

/** The least value that segment.bytes takes. */
const segmentBytesMin = 1_048_576;
