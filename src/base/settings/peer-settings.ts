import { atLeast, between, int } from "./rows.ts";

const gibibyte = 1_073_741_824;

/** The links between the nodes of a cluster. */
export const peerSettings = {
  "peer.calls.max": int(
    256,
    atLeast(1),
    "Calls to one node, and of one node, under way at a time; further ones are refused.",
  ),
  "peer.frame.max.bytes": int(
    134_217_728,
    between(65_536, gibibyte),
    "The largest frame read from another node; a batch must fit with all it is sent with.",
  ),
  "peer.handshakes.max": int(
    64,
    atLeast(1),
    "Connections that have not yet proved the cluster's secret; past it the oldest is closed.",
  ),
  "peer.ping.interval.ms": int(
    500,
    atLeast(10),
    "Quiet after which a link between nodes is sent a sign of life.",
  ),
  "peer.reconnect.backoff.max.ms": int(
    1_000,
    atLeast(1),
    "The longest wait before another node is dialed again.",
  ),
  "peer.reconnect.backoff.ms": int(
    50,
    atLeast(1),
    "The first wait before another node is dialed again; it doubles from try to try.",
  ),
  "peer.setup.timeout.ms": int(
    5_000,
    atLeast(1),
    "Time for a connection between nodes to be made and both sides to prove who they are.",
  ),
  "peer.silence.max.ms": int(
    3_000,
    atLeast(20),
    "Silence of another node after which its link is given up.",
  ),
  "peer.window.bytes": int(
    16_777_216,
    between(65_536, gibibyte),
    "Bytes that another node may send before this one has taken them.",
  ),
};
