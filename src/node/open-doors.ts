import { networkInterfaces } from "node:os";
import type { Broker } from "../broker/broker.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { HttpServer } from "../servers/http/http-server.ts";
import type { KafkaServer } from "../servers/kafka/kafka-server.ts";
import { batchTools, type OpenBroker } from "./open-broker.ts";
import { LazyPart } from "./lazy-part.ts";
import type { StartSteps } from "./start-steps.ts";

/** What is behind the port. */
export interface OpenDoors {
  readonly kafka: LazyPart<KafkaServer>;
  readonly http: LazyPart<HttpServer>;
  /** From here on `/readyz` says no. */
  markStopping(): void;
}

/** Prepares the doors; their code is loaded by the first connection, or by `open`. */
export async function openDoors(steps: StartSteps, opened: OpenBroker): Promise<OpenDoors> {
  const { broker } = opened;
  let isReady = true;
  const tellFailure =
    (door: string) =>
    (error: unknown): void => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      broker.log.error("a door could not be opened; the next connection tries again", {
        door,
        reason,
      });
    };
  const graceMs = broker.settings["shutdown.grace.ms"];
  const kafka = await steps.run(
    "open the Kafka door",
    () => new LazyPart(() => loadKafka(opened), tellFailure("Kafka")),
    (door) => door.close((server) => server.close(graceMs)),
  );
  const http: LazyPart<HttpServer> = await steps.run(
    "open the HTTP door",
    () =>
      new LazyPart(() => loadHttp(broker, { kafka, isReady: () => isReady }), tellFailure("HTTP")),
    (door) => door.close((server) => server.close(graceMs)),
  );
  return { kafka, http, markStopping: () => (isReady = false) };
}

async function loadKafka(opened: OpenBroker): Promise<KafkaServer> {
  const [{ KafkaServer }] = await Promise.all([
    import("../servers/kafka/kafka-server.ts"),
    opened.loadGroups(),
  ]);
  return new KafkaServer(opened.broker);
}

async function loadHttp(
  broker: Broker,
  node: { readonly kafka: LazyPart<KafkaServer>; readonly isReady: () => boolean },
): Promise<HttpServer> {
  const [{ HttpServer }, { MetricsPage }, { NodeMetrics }] = await Promise.all([
    import("../servers/http/http-server.ts"),
    import("../servers/http/metrics.ts"),
    import("./node-metrics.ts"),
  ]);
  const kafka = (): KafkaServer | undefined => node.kafka.server;
  const metrics = new NodeMetrics({ broker, kafka, http: () => server });
  const server: HttpServer = await HttpServer.open({
    broker,
    tools: batchTools,
    rules: guardRules(broker.settings),
    node: { isReady: node.isReady, metrics: new MetricsPage(() => metrics.collect()) },
  });
  return server;
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
