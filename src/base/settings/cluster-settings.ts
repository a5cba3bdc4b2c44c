import {
  atLeast,
  between,
  bool,
  int,
  list,
  listMatching,
  long,
  longMax,
  matching,
  secret,
  text,
} from "./rows.ts";

const host = String.raw`(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)`;
const places = String.raw`${host}(:\d{1,5})?(,${host}(:\d{1,5})?)*`;
const domain = String.raw`[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?`;
const kafkaSelectors = String.raw`org\.apache\.kafka\.common\.replica\.`;
const nameServer =
  /^(\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?|[0-9a-fA-F:]+)$/;

/** Several nodes that are one cluster. */
export const clusterSettings = {
  "auto.leader.rebalance.enable": bool(
    true,
    "Whether partitions go back to their preferred heads by themselves.",
  ),
  coordinator: text(
    "",
    matching(
      new RegExp(`^((etcd|consul)://${places}|(etcd|consul)[+]srv://${domain})?$`),
      "empty, etcd://host:port,..., consul://..., or etcd+srv://name, consul+srv://name",
    ),
    "What keeps the state of a cluster of several nodes; empty is a node by itself.",
  ),
  "coordinator.dns.interval.ms": int(
    30_000,
    between(100, 86_400_000),
    "How often the SRV records of the coordinator are looked at; sooner when a member fails.",
  ),
  "coordinator.dns.servers": list(
    [],
    listMatching(nameServer, "a list of IP addresses, with or without a port"),
    "Name servers that know the coordinator's SRV records; empty asks the system's.",
  ),
  "cluster.drain.ms": int(
    10_000,
    atLeast(0),
    "How long a node that stops waits for others to take over its partitions; 0 is not at all.",
  ),
  "cluster.expect": int(
    1,
    between(1, 1_000),
    "Nodes that must have come before the first topic is made, __consumer_offsets included.",
  ),
  "cluster.feature.level.max": int(
    0,
    atLeast(0),
    "The highest feature level this node says it can work at; 0 is all that its version knows.",
  ),
  "cluster.lease.ms": int(
    3_000,
    between(500, 300_000),
    "Silence to the coordinator after which a node counts as gone; Consul takes 10 s at least.",
  ),
  "cluster.name": text(
    "xylem",
    matching(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, _ and -"),
    "Which of the clusters that share a coordinator this node belongs to.",
  ),
  "cluster.secret": secret(
    matching(/^(file:.+|.{16,})?$/, "empty, 16 characters at least, or file:PATH of such a text"),
    "What the nodes of a cluster prove to each other that they know; it is never sent.",
  ),
  "follower.replication.throttled.rate": long(
    longMax,
    atLeast(1),
    "Bytes a second that this node copies as a replica that joins, of partitions that " +
      "follower.replication.throttled.replicas names; what is live is never slowed.",
    { dynamic: "broker" },
  ),
  "leader.imbalance.check.interval.seconds": long(
    300,
    between(1, 86_400),
    "How long another node leads a partition before its preferred head takes it back.",
  ),
  "leader.replication.throttled.rate": long(
    longMax,
    atLeast(1),
    "Bytes a second that this node sends to replicas that join, of partitions that " +
      "leader.replication.throttled.replicas names; what is live is never slowed.",
    { dynamic: "broker" },
  ),
  "replica.append.max.bytes": int(
    1_048_576,
    between(1_024, 1_073_741_824),
    "Record bytes of one partition sent to its successor at a time; a larger batch goes alone.",
  ),
  "replica.copy.io.max.bytes.per.second": long(
    longMax,
    atLeast(1),
    "Bytes a second that a node sends to all replicas that join, each in its turn, of all " +
      "topics; what is live is never slowed.",
    { dynamic: "cluster" },
  ),
  "replica.lag.time.max.ms": long(
    30_000,
    atLeast(100),
    "How long a replica may stand still before it is cut out of its chain, or answers no reads.",
  ),
  "replica.selector.class": text(
    "",
    matching(
      new RegExp(`^(leader|rack-aware|${kafkaSelectors}(Leader|RackAwareReplica)Selector)?$`),
      "empty, leader, rack-aware, or Kafka's class of either",
    ),
    "Which replica Kafka's consumers read from: rack-aware is one in their client.rack (KIP-392).",
  ),
  "replica.window.bytes": int(
    8_388_608,
    between(65_536, 1_073_741_824),
    "Record bytes of one partition on their way to a successor that has not written them yet.",
  ),
};
