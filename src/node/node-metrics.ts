import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Broker } from "../broker/broker.ts";
import { FollowerReads } from "../broker/fetch/follower-reads.ts";
import { ReaderCount } from "../broker/records/reader-count.ts";
import type { NodeTraffic, PeerTraffic } from "../peers/peer-traffic.ts";
import type { GrpcServer } from "../servers/grpc/grpc-server.ts";
import type { HttpServer } from "../servers/http/http-server.ts";
import type { Http2Server } from "../servers/http2/http2-server.ts";
import type { MetricFamily, MetricSample } from "../servers/http/metrics.ts";
import type { KafkaServer } from "../servers/kafka/kafka-server.ts";

/** What the numbers are read from. */
export interface MetricSources {
  readonly broker: Broker;
  /** Undefined until the first Kafka client has come. */
  readonly kafka: () => KafkaServer | undefined;
  readonly http: () => HttpServer;
  readonly http2: () => Http2Server | undefined;
  readonly grpc: () => GrpcServer | undefined;
  /** Undefined on a node by itself. */
  readonly peers: PeerTraffic | undefined;
}

/** Partitions that are shown one by one; past it only their sums are, to keep a page small. */
const partitionsShownMax = 10_000;
const noTraffic = { bytesIn: 0, bytesOut: 0, refusedCount: 0 };
const loopResolutionMs = 10;
const nanosecondsPerSecond = 1e9;

/** Reads a node's numbers at each scrape. Counting costs nothing between scrapes. */
export class NodeMetrics {
  readonly #sources: MetricSources;
  #loop: IntervalHistogram | undefined;

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  collect(): MetricFamily[] {
    return [
      ...this.#kafka(),
      ...this.#web(),
      ...this.#peers(),
      ...this.#logs(),
      ...this.#cleaner(),
      ...this.#storage(),
      this.#loopDelay(),
    ];
  }

  #kafka(): MetricFamily[] {
    const kafka = this.#sources.kafka();
    const counts = [...(kafka?.traffic.requestCounts ?? [])];
    const requests = counts.map(([api, value]) => ({ labels: { api }, value }));
    const { bytesIn, bytesOut, refusedCount } = kafka?.traffic ?? noTraffic;
    return [
      family("counter", "xylem_kafka_requests_total", "Kafka requests by API.", requests),
      plain("counter", "xylem_kafka_received_bytes_total", "Bytes from clients.", bytesIn),
      plain("counter", "xylem_kafka_sent_bytes_total", "Bytes to clients.", bytesOut),
      plain(
        "counter",
        "xylem_follower_read_bytes_total",
        "Record bytes read here of partitions that other nodes lead.",
        FollowerReads.of(this.#sources.broker).bytes,
      ),
      plain(
        "counter",
        "xylem_kafka_refused_connections_total",
        "Connections closed because of what they sent.",
        refusedCount,
      ),
      plain(
        "gauge",
        "xylem_kafka_request_bytes",
        "Bytes of requests under way.",
        kafka?.requestBytes ?? 0,
      ),
      plain(
        "gauge",
        "xylem_kafka_answer_bytes",
        "Bytes of answers that clients have not taken.",
        kafka?.answerBytes ?? 0,
      ),
    ];
  }

  #web(): MetricFamily[] {
    const http = this.#sources.http();
    const http2 = this.#sources.http2();
    const grpc = this.#sources.grpc();
    return [
      family("gauge", "xylem_connections", "Open connections by door.", [
        { labels: { door: "kafka" }, value: this.#sources.kafka()?.connectionCount ?? 0 },
        { labels: { door: "http" }, value: http.connectionCount },
        { labels: { door: "http2" }, value: http2?.connectionCount ?? 0 },
      ]),
      plain("counter", "xylem_http_requests_total", "HTTP requests.", http.requestCount),
      family("gauge", "xylem_http_held_bytes", "Bytes of bodies, and of answers not taken.", [
        { labels: { kind: "requests" }, value: http.heldBytes.bodies },
        { labels: { kind: "answers" }, value: http.heldBytes.answers },
      ]),
      ...this.#live(),
      plain("counter", "xylem_grpc_calls_total", "gRPC calls.", grpc?.callCount ?? 0),
      plain("gauge", "xylem_grpc_held_bytes", "Bytes that gRPC calls hold.", grpc?.heldBytes ?? 0),
    ];
  }

  #peers(): MetricFamily[] {
    const { peers } = this.#sources;
    if (peers === undefined) return [];
    const { nodes } = peers;
    const by = (value: (node: NodeTraffic) => number): MetricSample[] =>
      nodes.map((node) => ({ labels: { node: String(node.nodeId) }, value: value(node) }));
    return [
      family(
        "gauge",
        "xylem_peer_linked",
        "1 while there is a link to that node.",
        by(({ isLinked }) => (isLinked ? 1 : 0)),
      ),
      family(
        "counter",
        "xylem_peer_links_total",
        "Links to that node so far: above 1 it was made anew.",
        by(({ linkCount }) => linkCount),
      ),
      family(
        "counter",
        "xylem_peer_sent_bytes_total",
        "Bytes of frames to that node.",
        by(({ sentBytes }) => sentBytes),
      ),
      family(
        "counter",
        "xylem_peer_received_bytes_total",
        "Bytes of frames of that node.",
        by(({ receivedBytes }) => receivedBytes),
      ),
      family(
        "gauge",
        "xylem_peer_in_flight_bytes",
        "Bytes sent that the node has not taken yet.",
        by(({ inFlightBytes }) => inFlightBytes),
      ),
    ];
  }

  #live(): MetricFamily[] {
    const { events, sockets, backlogBytes } = this.#sources.http().live;
    return [
      family("gauge", "xylem_live_readers", "Open streams of events, and WebSockets.", [
        { labels: { kind: "events" }, value: events },
        { labels: { kind: "websocket" }, value: sockets },
      ]),
      plain(
        "gauge",
        "xylem_waiting_readers",
        "Live readers, and reads that wait for records, of all doors but Kafka's.",
        ReaderCount.of(this.#sources.broker).count,
      ),
      plain(
        "gauge",
        "xylem_live_backlog_bytes",
        "Bytes that live readers were given and have not taken.",
        backlogBytes,
      ),
    ];
  }

  #logs(): MetricFamily[] {
    const topics = this.#sources.broker.topics.list();
    const partitions = topics.flatMap((topic) => topic.partitions);
    const shown = partitions
      .filter(({ end }) => end > 0)
      .slice(0, partitionsShownMax)
      .map((partition) => ({
        partition,
        labels: { topic: partition.topic, partition: String(partition.index) },
      }));
    const sizeBytes = partitions.reduce((sum, partition) => sum + partition.sizeBytes, 0);
    return [
      plain("gauge", "xylem_topics", "Topics, internal ones included.", topics.length),
      plain("gauge", "xylem_partitions", "Partitions, internal ones included.", partitions.length),
      plain("gauge", "xylem_log_total_bytes", "Bytes of all logs together.", sizeBytes),
      family(
        "gauge",
        "xylem_log_bytes",
        "Bytes of a partition's log.",
        shown.map(({ labels, partition }) => ({ labels, value: partition.sizeBytes })),
      ),
      family(
        "gauge",
        "xylem_log_start_offset",
        "First offset that can be read.",
        shown.map(({ labels, partition }) => ({ labels, value: partition.logStart })),
      ),
      family(
        "gauge",
        "xylem_log_end_offset",
        "Offset of the next record.",
        shown.map(({ labels, partition }) => ({ labels, value: partition.end })),
      ),
    ];
  }

  #storage(): MetricFamily[] {
    const { freeBytes, refusedAppends, damages } = this.#sources.broker.storage;
    return [
      plain("gauge", "xylem_disk_free_bytes", "Bytes the disk has left for logs.", freeBytes),
      plain(
        "counter",
        "xylem_refused_appends_total",
        "Appends that found no room on the disk.",
        refusedAppends,
      ),
      plain("counter", "xylem_log_damages_total", "Places found damaged in logs.", damages),
    ];
  }

  #cleaner(): MetricFamily[] {
    const { passCount, bytesRead, bytesWritten } = this.#sources.broker.cleaner.totals;
    return [
      plain("counter", "xylem_cleaner_passes_total", "Passes of compaction.", passCount),
      plain("counter", "xylem_cleaner_read_bytes_total", "Bytes that passes read.", bytesRead),
      plain("counter", "xylem_cleaner_written_bytes_total", "Bytes they left.", bytesWritten),
    ];
  }

  /** Measured from the first scrape on; each scrape shows the time since the one before. */
  #loopDelay(): MetricFamily {
    this.#loop ??= startLoopMonitor();
    const loop = this.#loop;
    // What is measured is the time between two alarms, which are that far apart anyway.
    const seconds = (nanoseconds: number): number =>
      Math.max(nanoseconds / nanosecondsPerSecond - loopResolutionMs / 1_000, 0);
    const samples = [
      { labels: { quantile: "0.5" }, value: seconds(loop.percentile(50)) },
      { labels: { quantile: "0.99" }, value: seconds(loop.percentile(99)) },
      { labels: { quantile: "1" }, value: seconds(loop.max) },
    ];
    loop.reset();
    return family(
      "gauge",
      "xylem_event_loop_delay_seconds",
      "Delay of the event loop since the last scrape.",
      samples,
    );
  }
}

function startLoopMonitor(): IntervalHistogram {
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs });
  loop.enable();
  return loop;
}

function plain(
  kind: MetricFamily["kind"],
  name: string,
  help: string,
  value: number,
): MetricFamily {
  return family(kind, name, help, [{ labels: {}, value }]);
}

function family(
  kind: MetricFamily["kind"],
  name: string,
  help: string,
  samples: readonly MetricSample[],
): MetricFamily {
  const labelNames = Object.keys(samples[0]?.labels ?? {});
  return { kind, name, help, samples, labelNames };
}
