import { atLeast, bool, choice, int, matching, text } from "./rows.ts";

const heartbeat = "Time between two heartbeats of a member.";
const session = "Silence after which a member is out.";
const assignment = "The least time between two assignments.";
const iso8601Duration = String.raw`P(?=[\dT])(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?`;

/** Settings of a single group (Kafka 4.3), kept and answered; each protocol reads its own. */
export const groupConfigSettings = {
  "consumer.assignment.interval.ms": int(1_000, atLeast(0), assignment),
  "consumer.heartbeat.interval.ms": int(5_000, atLeast(1), heartbeat),
  "consumer.session.timeout.ms": int(45_000, atLeast(1), session),
  "share.assignment.interval.ms": int(1_000, atLeast(0), assignment),
  "share.auto.offset.reset": text(
    "latest",
    matching(
      new RegExp(`^(latest|earliest|by_duration:${iso8601Duration})$`),
      "latest, earliest or by_duration:PnDTnHnMn.nS",
    ),
    "Where a new share group starts.",
  ),
  "share.delivery.count.limit": int(5, atLeast(2), "How often a record is delivered at most."),
  "share.heartbeat.interval.ms": int(5_000, atLeast(1), heartbeat),
  "share.isolation.level": choice(
    ["read_uncommitted", "read_committed"],
    "Whether records of open and aborted transactions are delivered.",
  ),
  "share.partition.max.record.locks": int(
    2_000,
    atLeast(100),
    "Records of a partition that may be under way at a time.",
  ),
  "share.record.lock.duration.ms": int(
    30_000,
    atLeast(1_000),
    "How long a member may keep a record before it goes to another.",
  ),
  "share.renew.acknowledge.enable": bool(true, "Whether a member may ask to keep a record longer."),
  "share.session.timeout.ms": int(45_000, atLeast(1), session),
  "streams.assignment.interval.ms": int(1_000, atLeast(0), assignment),
  "streams.heartbeat.interval.ms": int(5_000, atLeast(1), heartbeat),
  "streams.initial.rebalance.delay.ms": int(
    3_000,
    atLeast(0),
    "How long the first assignment of an empty group waits for further members.",
  ),
  "streams.num.standby.replicas": int(0, atLeast(0), "Standby copies of each task."),
  "streams.session.timeout.ms": int(45_000, atLeast(1), session),
};
