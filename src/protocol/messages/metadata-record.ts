import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** A topic: one of the records of `__cluster_metadata` that tell of topics and configs. */
export const TopicRecord = message({
  name: "TopicRecord",
  key: 2,
  versions: "0",
  flexible: "0+",
  fields: {
    name: wire.string,
    topicId: wire.uuid,
  },
});

/** A partition and where its replicas are. */
export const PartitionRecord = message({
  name: "PartitionRecord",
  key: 3,
  versions: "0-2",
  flexible: "0+",
  fields: {
    partitionId: wire.otherwise(wire.int32, -1),
    topicId: wire.uuid,
    replicas: wire.array(wire.int32),
    isr: wire.array(wire.int32),
    removingReplicas: wire.array(wire.int32),
    addingReplicas: wire.array(wire.int32),
    leader: wire.otherwise(wire.int32, -1),
    leaderRecoveryState: wire.tagged({ tag: 0, since: 0 }, wire.int8, 0),
    leaderEpoch: wire.otherwise(wire.int32, -1),
    partitionEpoch: wire.otherwise(wire.int32, -1),
    directories: wire.since(1, wire.array(wire.uuid), []),
    eligibleLeaderReplicas: wire.tagged(
      { tag: 1, since: 2 },
      wire.nullable(wire.array(wire.int32)),
      null,
    ),
    lastKnownElr: wire.tagged({ tag: 2, since: 2 }, wire.nullable(wire.array(wire.int32)), null),
  },
});

/** A config of a resource; a null value takes it back. */
export const ConfigRecord = message({
  name: "ConfigRecord",
  key: 4,
  versions: "0",
  flexible: "0+",
  fields: {
    resourceType: wire.int8,
    resourceName: wire.string,
    name: wire.string,
    value: wire.nullableString,
  },
});

/** A topic is gone, with its partitions and configs. */
export const RemoveTopicRecord = message({
  name: "RemoveTopicRecord",
  key: 9,
  versions: "0",
  flexible: "0+",
  fields: {
    topicId: wire.uuid,
  },
});
