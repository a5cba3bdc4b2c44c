import { networkInterfaces } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { MergedSettings } from "../base/settings/merge-settings.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { Broker } from "../broker/broker.ts";
import { HttpServer } from "../servers/http/http-server.ts";
import { MetricsPage } from "../servers/http/metrics.ts";
import { KafkaServer } from "../servers/kafka/kafka-server.ts";
import { ListeningPort } from "./listening-port.ts";
import { NodeMetrics } from "./node-metrics.ts";
import { openBroker } from "./open-broker.ts";
import { StartSteps } from "./start-steps.ts";
import { systemClock } from "./system-clock.ts";
import { SystemRandom } from "./system-random.ts";

export interface NodeOptions extends MergedSettings {
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Called when `xylem stop` asks for it; the caller then stops the node. */
  readonly onStopRequested?: () => void;
}

/** A node that serves clients until `stop`. */
export interface RunningNode {
  readonly broker: Broker;
  readonly port: number;
  /** `host:port` for Kafka clients on this machine. */
  readonly address: string;
  /** The same place for HTTP. */
  readonly url: string;
  /**
   * Stops accepting, answers what is under way (at most `shutdown.grace.ms`), flushes, writes the
   * checkpoints and frees the data directory. Twice is harmless.
   */
  stop(): Promise<void>;
}

/** Starts a node. When a step fails, the earlier ones are undone and StartError names the step. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { settings, log } = options;
  const steps = new StartSteps(log);
  const parts = { ...options, clock: options.clock ?? systemClock };
  const random = options.random ?? new SystemRandom();
  await steps.run("check the listener", () => refuseOpenListener(settings));
  const broker = await openBroker(steps, { ...parts, random });
  const graceMs = settings["shutdown.grace.ms"];
  const kafka = await steps.run(
    "open the Kafka door",
    () => new KafkaServer(broker),
    (server) => server.close(graceMs),
  );
  const http = await openHttp(steps, broker, kafka);
  const port = await steps.run(
    "listen",
    () => listen(broker, { kafka, http: http.server }),
    (listening) => {
      http.markStopping();
      listening.close();
    },
  );
  const address = `${port.host.includes(":") ? `[${port.host}]` : port.host}:${port.port}`;
  warnOfUnreachable(settings, log);
  const stop = (): Promise<void> => steps.stop();
  return { broker, port: port.port, address, url: `http://${address}`, stop };
}

interface HttpDoor {
  readonly server: HttpServer;
  markStopping(): void;
}

async function openHttp(steps: StartSteps, broker: Broker, kafka: KafkaServer): Promise<HttpDoor> {
  let isReady = true;
  const metrics: NodeMetrics = new NodeMetrics({ broker, kafka, http: () => server });
  const { nodeId, clusterId } = broker.identity;
  const server: HttpServer = await steps.run(
    "open the HTTP door",
    () =>
      new HttpServer({
        log: broker.log,
        rules: guardRules(broker.settings),
        node: {
          isReady: () => isReady,
          describe: () => ({ nodeId, clusterId }),
          metrics: new MetricsPage(() => metrics.collect()),
        },
      }),
    async (opened) => {
      await opened.close(broker.settings["shutdown.grace.ms"]);
      metrics.close();
    },
  );
  return { server, markStopping: () => (isReady = false) };
}

function guardRules(settings: NodeSettings) {
  return {
    listenerAddresses: listenerAddresses(settings.host),
    hosts: settings["http.hosts"],
    origins: settings["http.cors.origins"],
  };
}

/** Every address that reaches the listener: those of this machine when it listens on all. */
function listenerAddresses(host: string): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host.toLowerCase()];
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address.toLowerCase()),
  );
}

function listen(
  broker: Broker,
  doors: { kafka: KafkaServer; http: HttpServer },
): Promise<ListeningPort> {
  const { settings } = broker;
  return ListeningPort.open(
    {
      host: settings.host,
      port: settings.port,
      setupTimeoutMs: settings["connections.setup.timeout.ms"],
      connectionsMax: () => settings["max.connections"],
      backlogConnections: settings["socket.listen.backlog.size"],
    },
    {
      kafka: (socket, head) => doors.kafka.accept(socket, head),
      http: (socket) => doors.http.accept(socket),
    },
    broker.log,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** security.md, Listeners: open to other machines only on purpose. */
function refuseOpenListener(settings: NodeSettings): void {
  if (isLoopback(settings.host) || settings.insecure) return;
  throw new Error(
    `${settings.host} can be reached from other machines without encryption and logins; ` +
      "give --insecure if that is meant",
  );
}

function warnOfUnreachable(settings: NodeSettings, log: Log): void {
  if (isLoopback(settings.host) || settings["advertised.listeners"].length > 0) return;
  log.info("clients are told the address they came in on; a port mapping needs advertised.listeners");
}
