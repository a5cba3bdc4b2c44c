import type { SettingValues } from "./setting.ts";
import {
  anyNumber,
  anyList,
  atLeast,
  between,
  bool,
  choice,
  double,
  int,
  list,
  listMatching,
  listOf,
  long,
  longMax,
  matching,
  orExactly,
  text,
  unset,
} from "./rows.ts";

const throttled = listMatching(/^(\*|\d+:\d+|none)$/, "a list of partition:broker, or *, or none");

/**
 * Every topic setting: Kafka 4.3's own, then Xylem's. DescribeConfigs, the checks of CreateTopics
 * and IncrementalAlterConfigs, and the reference page all read this table.
 */
export const topicSettings = {
  "cleanup.policy": list(
    ["delete"],
    listOf("compact", "delete"),
    "What removes old records: delete (by age and size), compact (by key), both, or nothing.",
    { brokerName: "log.cleanup.policy" },
  ),
  "compression.gzip.level": int(
    -1,
    orExactly(-1, between(1, 9)),
    "Level at which the broker compresses with gzip; -1 is gzip's own default.",
    { brokerName: "compression.gzip.level" },
  ),
  "compression.lz4.level": int(
    9,
    between(1, 17),
    "Level at which the broker compresses with lz4.",
    { brokerName: "compression.lz4.level" },
  ),
  "compression.type": choice(
    ["producer", "uncompressed", "zstd", "lz4", "snappy", "gzip"],
    "How batches are stored: as the producer sent them, or recompressed with this codec.",
    { brokerName: "compression.type" },
  ),
  "compression.zstd.level": int(
    3,
    between(-131_072, 22),
    "Level at which the broker compresses with zstd.",
    { brokerName: "compression.zstd.level" },
  ),
  "delete.retention.ms": long(
    86_400_000,
    atLeast(0),
    "How long a compacted topic keeps tombstones.",
    { brokerName: "log.cleaner.delete.retention.ms" },
  ),
  "file.delete.delay.ms": long(
    60_000,
    atLeast(0),
    "How long a removed segment's files stay on disk under another name.",
    { brokerName: "log.segment.delete.delay.ms" },
  ),
  "flush.messages": long(
    longMax,
    atLeast(1),
    "With durability=os: records after which a flush is forced.",
    { brokerName: "log.flush.interval.messages" },
  ),
  "flush.ms": long(longMax, atLeast(0), "With durability=os: time after which a flush is forced.", {
    brokerName: "log.flush.interval.ms",
  }),
  "follower.replication.throttled.replicas": list(
    [],
    throttled,
    "Replicas, partition:node, that join at follower.replication.throttled.rate; * is all.",
  ),
  "index.interval.bytes": int(4096, atLeast(0), "Log bytes between two entries of an index.", {
    brokerName: "log.index.interval.bytes",
  }),
  "internal.segment.bytes": unset(
    "int",
    atLeast(1),
    "Segment size below the bound of segment.bytes, for tests.",
    { isInternal: true },
  ),
  "leader.replication.throttled.replicas": list(
    [],
    throttled,
    "Replicas, partition:node, that send at leader.replication.throttled.rate to those that " +
      "join; * is all.",
  ),
  "local.retention.bytes": long(
    -2,
    atLeast(-2),
    "Bytes kept locally once a tier below exists; -2 is retention.bytes.",
    { brokerName: "log.local.retention.bytes" },
  ),
  "local.retention.ms": long(
    -2,
    atLeast(-2),
    "Time kept locally once a tier below exists; -2 is retention.ms.",
    { brokerName: "log.local.retention.ms" },
  ),
  "max.compaction.lag.ms": long(longMax, atLeast(1), "The longest a record may stay uncompacted.", {
    brokerName: "log.cleaner.max.compaction.lag.ms",
  }),
  "max.message.bytes": int(1_048_588, atLeast(0), "The largest batch that is accepted.", {
    brokerName: "message.max.bytes",
  }),
  "message.timestamp.after.max.ms": long(
    3_600_000,
    atLeast(0),
    "How far ahead of the broker's clock a record's time may lie.",
    { brokerName: "log.message.timestamp.after.max.ms" },
  ),
  "message.timestamp.before.max.ms": long(
    longMax,
    atLeast(0),
    "How far behind the broker's clock a record's time may lie.",
    { brokerName: "log.message.timestamp.before.max.ms" },
  ),
  "message.timestamp.type": choice(
    ["CreateTime", "LogAppendTime"],
    "Whether records carry the producer's time or the time they were appended.",
    { brokerName: "log.message.timestamp.type" },
  ),
  "min.cleanable.dirty.ratio": double(
    0.5,
    between(0, 1),
    "Share of uncompacted bytes from which on a log is compacted.",
    { brokerName: "log.cleaner.min.cleanable.ratio" },
  ),
  "min.compaction.lag.ms": long(0, atLeast(0), "The least time a record stays uncompacted.", {
    brokerName: "log.cleaner.min.compaction.lag.ms",
  }),
  "min.insync.replicas": int(
    1,
    atLeast(1),
    "The shortest chain of replicas that may accept acks=all.",
    { brokerName: "min.insync.replicas" },
  ),
  preallocate: bool(false, "Whether a new segment's file is made at its full size.", {
    brokerName: "log.preallocate",
  }),
  "remote.log.copy.disable": bool(false, "Kept for Kafka's tools; there is no remote tier."),
  "remote.log.delete.on.disable": bool(false, "Kept for Kafka's tools; there is no remote tier."),
  "remote.storage.enable": bool(false, "Kept for Kafka's tools; there is no remote tier."),
  "retention.bytes": long(
    -1,
    anyNumber,
    "Bytes a partition keeps before whole segments go, oldest first; -1 is no bound.",
    { brokerName: "log.retention.bytes" },
  ),
  "retention.ms": long(
    604_800_000,
    atLeast(-1),
    "Time a record is kept before its segment goes; -1 is no bound.",
    { brokerName: "log.retention.ms" },
  ),
  "segment.bytes": int(1_073_741_824, atLeast(1_048_576), "Size at which a segment is rolled.", {
    brokerName: "log.segment.bytes",
  }),
  "segment.index.bytes": int(10_485_760, atLeast(4), "Size at which a segment's index is full.", {
    brokerName: "log.index.size.max.bytes",
  }),
  "segment.jitter.ms": long(0, atLeast(0), "Random part taken off segment.ms, for each segment.", {
    brokerName: "log.roll.jitter.ms",
  }),
  "segment.ms": long(604_800_000, atLeast(1), "Age at which a segment is rolled.", {
    brokerName: "log.roll.ms",
  }),
  "unclean.leader.election.enable": bool(
    false,
    "Whether a replica that may lack records may take over when no other is left.",
    { brokerName: "unclean.leader.election.enable" },
  ),

  durability: choice(
    ["fsync", "os"],
    "When a record counts as held: once flushed to disk, or once the operating system has it.",
    { brokerName: "log.durability" },
  ),
  replicas: choice(
    ["assigned", "all"],
    "Of a cluster's topic: which nodes hold each partition, those it was given to or all. " +
      "A node that comes later is one of them once a plan has given it its place.",
  ),
  "record.validation": choice(
    ["header", "full"],
    "How far produced batches are looked into: headers and uncompressed records, or everything.",
    { brokerName: "log.record.validation" },
  ),
  "content.type": text(
    "",
    matching(/^([a-z0-9.+-]+\/[a-z0-9.+-]+)?$/, "a media type in lower case, or empty"),
    "Media type that records by HTTP and WebSocket must have; empty accepts any. " +
      "Other doors are not held to it: their records need not say what they are.",
  ),
  "segment.records": long(
    longMax,
    atLeast(1),
    "Records after which a segment is rolled; a batch is never split.",
    { brokerName: "log.segment.records" },
  ),
  "retention.records": long(
    -1,
    orExactly(-1, atLeast(1)),
    "Records a partition keeps, exactly; -1 is no bound. Counted in offsets: of a topic that is " +
      "also compacted at most as many stay.",
    { brokerName: "log.retention.records" },
  ),
  "retention.exact": bool(
    false,
    "Whether retention.ms also moves the log start inside a segment, to the first record that " +
      "is young enough.",
  ),
  "retention.acknowledged": bool(
    false,
    "Whether records go once every group that committed an offset on the topic has passed them. " +
      "Offsets on the topic then never expire: a group counts until it is deleted by name. In a " +
      "cluster nothing goes while a node does not tell of its groups.",
  ),
  "retention.acknowledged.groups": list(
    [],
    anyList,
    "The groups that count for retention.acknowledged, whether they committed yet or not; empty " +
      "means all that have.",
  ),
  "tail.cache.records": int(
    100,
    atLeast(0),
    "Newest records of a partition that stay in memory whatever the shared budget says.",
    { brokerName: "log.tail.cache.records" },
  ),
};

/** The settings of one topic, parsed. A long past 2^53 is the nearest double. */
export type TopicSettings = SettingValues<typeof topicSettings>;

/** What a topic has that sets nothing, on a node that sets nothing. */
export const defaultTopicSettings: TopicSettings = Object.freeze(
  Object.fromEntries(Object.entries(topicSettings).map(([name, row]) => [name, row.initial])),
) as TopicSettings;
