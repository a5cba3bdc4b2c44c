import { atLeast, between, int, intMax, list, listOf, long, short } from "./rows.ts";

/** Node settings of groups, offsets and transactions. */
export const groupSettings = {
  "group.consumer.assignment.interval.ms": int(
    1_000,
    atLeast(0),
    "The least time between two assignments of a server-assigned group.",
  ),
  "group.consumer.assignors": list(
    ["uniform", "range"],
    listOf("uniform", "range"),
    "How the server may assign partitions; the first is used where members ask for none.",
  ),
  "group.consumer.heartbeat.interval.ms": int(
    5_000,
    atLeast(1),
    "Time between two heartbeats of a member of a server-assigned group.",
  ),
  "group.consumer.max.size": int(10_000, atLeast(1), "Members of one server-assigned group."),
  "group.consumer.session.timeout.ms": int(
    45_000,
    atLeast(1),
    "Silence after which a member is out of a server-assigned group.",
  ),
  "group.initial.rebalance.delay.ms": int(
    0,
    atLeast(0),
    "How long the first rebalance of an empty group waits for further members.",
  ),
  "group.max.session.timeout.ms": int(
    1_800_000,
    atLeast(1),
    "The longest session timeout a member may ask for.",
  ),
  "group.max.size": int(intMax, atLeast(1), "Members of one group."),
  "group.member.max.bytes": int(
    1_048_576,
    atLeast(1),
    "What one member of a group may say of itself: its protocols and their metadata.",
  ),
  "group.min.session.timeout.ms": int(
    6_000,
    atLeast(1),
    "The shortest session timeout a member may ask for.",
  ),
  "group.pending.members.max": int(
    10_000,
    atLeast(1),
    "Member ids of one group that were handed out and not used yet.",
  ),
  "groups.max": int(100_000, atLeast(1), "Groups of the node that are held in memory."),
  "offset.metadata.max.bytes": int(4_096, atLeast(0), "Text kept with one committed offset."),
  "offsets.commit.timeout.ms": int(
    5_000,
    atLeast(1),
    "How long an offset commit may wait until it is durable.",
  ),
  "offsets.load.buffer.size": int(
    5_242_880,
    atLeast(1),
    "Bytes read at a time while groups are loaded.",
  ),
  "offsets.retention.check.interval.ms": long(
    600_000,
    atLeast(1),
    "Time between two looks for expired offsets.",
  ),
  "offsets.retention.minutes": int(
    10_080,
    atLeast(1),
    "How long offsets outlive the last member of their group.",
  ),
  "offsets.topic.num.partitions": int(50, atLeast(1), "Partitions of __consumer_offsets."),
  "offsets.topic.replication.factor": short(
    3,
    atLeast(1),
    "Replicas of __consumer_offsets; fewer where fewer nodes have a part, be they up or not.",
  ),
  "offsets.topic.segment.bytes": int(
    104_857_600,
    atLeast(1),
    "Segment size of __consumer_offsets.",
  ),
  "transaction.max.timeout.ms": int(
    900_000,
    atLeast(1),
    "The longest a transaction may ask to stay open.",
  ),
  "transaction.state.log.min.isr": int(1, atLeast(1), "min.insync.replicas of that topic."),
  "transaction.state.log.num.partitions": int(50, atLeast(1), "Partitions of __transaction_state."),
  "transaction.state.log.replication.factor": short(
    1,
    atLeast(1),
    "Replicas of __transaction_state.",
  ),
  "transaction.state.log.segment.bytes": int(
    104_857_600,
    atLeast(1),
    "Segment size of __transaction_state.",
  ),
  "share.coordinator.state.topic.num.partitions": int(
    50,
    atLeast(1),
    "Partitions of __share_group_state.",
  ),
  "share.coordinator.state.topic.replication.factor": short(
    1,
    atLeast(1),
    "Replicas of __share_group_state.",
  ),
  "share.coordinator.state.topic.segment.bytes": int(
    104_857_600,
    atLeast(1),
    "Segment size of __share_group_state.",
  ),
  "default.replication.factor": int(
    1,
    between(1, 32_767),
    "Replicas of a topic that does not say how many.",
  ),
};
