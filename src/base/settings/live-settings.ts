import { atLeast, int, long } from "./rows.ts";

/** Live reading by whatever door. */
export const liveSettings = {
  "live.backlog.max.bytes": long(
    67_108_864,
    atLeast(1_048_576),
    "Bytes that all live readers of the HTTP door may leave unread; past it none is given more.",
  ),
  "live.heartbeat.ms": int(
    15_000,
    atLeast(100),
    "Silence after which a live reader is sent something, so that both sides know of each other.",
  ),
  "live.partitions.max": int(
    10_000,
    atLeast(1),
    "Partitions a live reader follows; a stream of server-sent events at most 256.",
  ),
  "live.readers.max": int(
    20_000,
    atLeast(1),
    "Live readers and reads that wait for records, by all doors but Kafka's; more are refused.",
  ),
  "live.shared.max.bytes": long(
    8_388_608,
    atLeast(65_536),
    "Bytes of records, with what is sent of them, kept for live readers that follow the first one.",
  ),
  "live.slow.reader.ms": int(
    30_000,
    atLeast(100),
    "How long a client may leave what it was sent before it is cut off: a live reader all of it, " +
      "of other answers with records and of gRPC each MiB.",
  ),
  "websocket.commands.max": int(
    100,
    atLeast(1),
    "Commands of one WebSocket under way; past it that socket is not read.",
  ),
  "websocket.connections.max": int(10_000, atLeast(0), "WebSockets at a time."),
  "websocket.message.max.bytes": int(
    1_048_576,
    atLeast(1_024),
    "The largest message a WebSocket takes; a larger one ends it with code 1009.",
  ),
  "websocket.subscriptions.max": int(100, atLeast(1), "Subscriptions of one WebSocket."),
};
