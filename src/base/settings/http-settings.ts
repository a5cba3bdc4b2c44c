import { anyList, atLeast, between, int, intMax, list, long } from "./rows.ts";

/** The HTTP door. What it shares with the others is in node-settings.ts. */
export const httpSettings = {
  "append.max.headers": int(1_000, atLeast(0), "Headers of one record that comes by HTTP or gRPC."),
  "append.max.records": int(
    100_000,
    atLeast(1),
    "Records of one request by HTTP or gRPC: each takes memory and time, however small it is.",
  ),
  "append.timeout.ms": int(
    30_000,
    atLeast(1),
    "Time an append by HTTP or gRPC has to be committed when its client does not say.",
  ),
  "grpc.stream.waiting.max.bytes": int(
    1_048_576,
    atLeast(1_024),
    "Bytes of records of one AppendStream that wait for their turn; past it that is not read.",
  ),
  "grpc.stream.waiting.max.requests": int(
    1_024,
    atLeast(1),
    "Requests of one AppendStream that wait for their turn; past it that is not read.",
  ),
  "http.answers.memory.max.bytes": long(
    134_217_728,
    atLeast(1_024),
    "Bytes of answers with records that all clients have yet to take; past it reads get 503.",
  ),
  "http.compression.min.bytes": int(
    16_384,
    atLeast(0),
    "The least answer of a read that is compressed for who accepts it.",
  ),
  "http.body.discarded.max.bytes": int(
    65_536,
    atLeast(0),
    "Bytes read and thrown away of a body that no call takes; who sends more is cut off.",
  ),
  "http.cors.origins": list(
    [],
    anyList,
    "Origins of web pages that may use the HTTP door besides its own.",
  ),
  "http.filter.scan.max.bytes": int(
    4_194_304,
    atLeast(65_536),
    "Bytes of records one read with a filter goes over; it answers how far it came.",
  ),
  "http.header.max.bytes": int(
    16_384,
    atLeast(1_024),
    "Bytes of the headers of one request, over HTTP/2 too.",
  ),
  "http.header.max.count": int(
    100,
    atLeast(10),
    "Headers of one request. Over HTTP/1 more are passed over, over HTTP/2 they end the call.",
  ),
  "http.header.timeout.ms": int(10_000, atLeast(100), "Time for the headers of a request to come."),
  "http.hosts": list([], anyList, "Names by which the HTTP door may be addressed besides its own."),
  "http.keep.alive.ms": int(
    5_000,
    atLeast(0),
    "How long an HTTP/1 connection is kept for its next request.",
  ),
  "http.list.max.values": int(
    500_000,
    atLeast(1_000),
    "Values in a JSON list of records, nested ones too: each takes memory and time.",
  ),
  "http.read.max.bytes": int(
    16_777_216,
    atLeast(1_024),
    "The most bytes of records one read is answered with.",
  ),
  "http.read.max.records": int(10_000, atLeast(1), "The most records one read is answered with."),
  "http.request.max.bytes": int(16_777_216, atLeast(1_024), "The largest body that is taken."),
  "http.request.timeout.ms": int(
    30_000,
    atLeast(100),
    "Time for a request to come whole; of a stream of gRPC, for each of its messages.",
  ),
  "http.requests.memory.max.bytes": long(
    134_217_728,
    atLeast(1_024),
    "Bytes of bodies under way on all connections together; past it requests get 503.",
  ),
  "http.wait.max.ms": int(60_000, atLeast(0), "The longest a read waits for records to come."),
  "http2.bad.frames.max": int(
    100,
    atLeast(1),
    "Frames that do not fit, and refused streams, before an HTTP/2 connection is ended.",
  ),
  "http2.connection.window.bytes": int(
    4_194_304,
    between(65_535, intMax),
    "What an HTTP/2 client may send unread on one connection.",
  ),
  "http2.session.memory.max.mib": int(
    32,
    atLeast(1),
    "MiB that the state of one HTTP/2 connection may take, its queues included.",
  ),
  "http2.stream.window.bytes": int(
    1_048_576,
    between(65_535, intMax),
    "What an HTTP/2 client may send unread of one call.",
  ),
};
