import { clusterSettings } from "./cluster-settings.ts";
import { groupSettings } from "./group-settings.ts";
import { httpSettings } from "./http-settings.ts";
import { liveSettings } from "./live-settings.ts";
import { idempotencySettings } from "./idempotency-settings.ts";
import { logSettings } from "./log-settings.ts";
import { peerSettings } from "./peer-settings.ts";
import type { SettingValues } from "./setting.ts";
import {
  anyText,
  atLeast,
  between,
  bool,
  byteCountAtLeast,
  choice,
  int,
  list,
  listMatching,
  long,
  matching,
  orExactly,
  text,
} from "./rows.ts";

const cluster = { dynamic: "cluster" } as const;

const portMax = 65_535;

const portPattern =
  String.raw`([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|` +
  String.raw`655[0-2]\d|6553[0-5])`;
const hostPattern = String.raw`(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)`;

/** Where clients connect. A port past the last one, or 0, is nowhere. */
const endpoint = listMatching(
  new RegExp(`^([A-Za-z0-9_]+://)?${hostPattern}?:${portPattern}$`),
  "a list of NAME://host:port or host:port",
);

const doorPattern = "(kafka|http|grpc|peer)";

/** An address of some doors, or that they are off. Port 0 is a free one. */
const doorListener = listMatching(
  new RegExp(`^${doorPattern}([+]${doorPattern})*=(off|${hostPattern}:(0|${portPattern}))$`),
  "a list of DOOR+DOOR=host:port or DOOR=off; doors are kafka, http, grpc, peer",
);

/** Where the node lives, whom it listens to, and how much of it. */
const doorSettings = {
  "advertised.listeners": list(
    [],
    endpoint,
    "Where clients are told to connect; empty is the address they came in on.",
  ),
  "auto.create.topics.enable": bool(
    true,
    "Whether asking Kafka's Metadata for an unknown topic, or appending to it, creates it.",
  ),
  "broker.rack": text("", anyText, "The place of this node, as clients are told it."),
  "connections.max.idle.ms": long(
    600_000,
    atLeast(-1),
    "Silence after which a connection is closed; -1 is never.",
  ),
  "connections.setup.timeout.ms": int(
    10_000,
    atLeast(1),
    "Time for a new connection to say what it speaks.",
  ),
  data: text("./data", anyText, "The data directory."),
  "delete.topic.enable": bool(true, "Whether topics can be deleted."),
  "door.listeners": list(
    [],
    doorListener,
    "Doors at addresses of their own, or off; the others are at host and port.",
  ),
  "fetch.max.bytes": int(57_671_680, atLeast(1_024), "The most bytes one fetch is answered with."),
  "fetch.memory.max.bytes": long(
    268_435_456,
    atLeast(1_048_576),
    "Bytes of answers all connections may have waiting; past it a fetch brings one batch.",
  ),
  "grpc.memory.max.bytes": long(
    134_217_728,
    atLeast(1_048_576),
    "Bytes that gRPC calls may hold: requests under way and answers not taken.",
  ),
  "grpc.message.max.bytes": int(
    4_194_304,
    atLeast(1_024),
    "The largest message of a gRPC call, either way.",
  ),
  host: text("127.0.0.1", anyText, "The address to listen on; 127.0.0.1 listens on ::1 too."),
  "http2.streams.max": int(
    250,
    atLeast(1),
    "Calls under way on one HTTP/2 connection; further ones are refused.",
  ),
  insecure: bool(
    false,
    "Whether to listen beyond this machine without encryption and without logins.",
  ),
  "log.format": choice(["text", "json"], "How the node's own log lines look."),
  "log.level": choice(["info", "debug", "warn", "error", "silent"], "The least log line shown."),
  "max.connections": int(10_000, atLeast(0), "Connections at a time.", cluster),
  "max.incremental.fetch.session.cache.slots": int(
    1_000,
    atLeast(0),
    "Fetch sessions that are remembered; 0 declines them.",
  ),
  "max.request.partition.size.limit": int(
    2_000,
    atLeast(1),
    "Partitions in one answer of DescribeTopicPartitions.",
  ),
  memory: bool(false, "Whether everything is kept in memory and nothing on disk."),
  "memory.budget": text(
    "",
    byteCountAtLeast(32 * 1024 ** 2),
    "What all buffers together may take, as 256MiB: sets the bounds that are not given themselves.",
  ),
  "node.id": int(
    1,
    atLeast(-1),
    "This node's number, kept in its data directory; -1, or none given in a cluster, takes one.",
  ),
  "num.partitions": int(1, between(1, 10_000), "Partitions of a topic that does not say how many."),
  "partitions.max": int(
    200_000,
    atLeast(1),
    "Partitions of all topics together; past it none is made.",
  ),
  port: int(9_092, between(0, portMax), "The one port; 0 takes a free one."),
  "queued.max.request.bytes": long(
    536_870_912,
    orExactly(-1, atLeast(1_048_576)),
    "Bytes of requests under way on all connections together; past it nothing is read.",
  ),
  "queued.max.requests": int(
    500,
    atLeast(1),
    "Requests of one connection under way; past it that connection is not read.",
  ),
  "queued.max.response.bytes": long(
    67_108_864,
    atLeast(1_048_576),
    "Bytes of answers a connection may have waiting; past it that connection is not read.",
  ),
  "shutdown.grace.ms": int(
    10_000,
    atLeast(0),
    "How long a stop waits for requests under way before it cuts them off.",
  ),
  "socket.listen.backlog.size": int(511, atLeast(1), "Connections that may wait to be accepted."),
  "socket.request.max.bytes": int(104_857_600, atLeast(1), "The largest request that is read."),
  "buckets.max": int(1_000, atLeast(1), "Buckets of the cluster."),
  "topics.max": int(100_000, atLeast(1), "Topics of the cluster."),
  "cluster.id": text(
    "",
    matching(/^([A-Za-z0-9_-]{22})?$/, "22 characters of base64url, or empty"),
    "The cluster's id; empty takes the data directory's, or makes one.",
  ),
};

/**
 * Every node setting. Command line flags, XYLEM_ variables, the configuration file, DescribeConfigs
 * of a broker and the reference page all read this table. Names are Kafka's where Kafka has them.
 */
export const nodeSettings = {
  ...doorSettings,
  ...clusterSettings,
  ...httpSettings,
  ...liveSettings,
  ...logSettings,
  ...idempotencySettings,
  ...groupSettings,
  ...peerSettings,
};

/** The settings of one node, parsed. A long past 2^53 is the nearest double. */
export type NodeSettings = SettingValues<typeof nodeSettings>;

/** What a node has that is told nothing. */
export const defaultNodeSettings: NodeSettings = Object.freeze(
  Object.fromEntries(Object.entries(nodeSettings).map(([name, row]) => [name, row.initial])),
) as NodeSettings;
