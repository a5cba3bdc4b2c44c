import type { IncomingMessage, ServerResponse } from "node:http";
import type { GrpcServer } from "../servers/grpc/grpc-server.ts";
import { isRpcPath } from "../servers/grpc/rpc-path.ts";
import type { GuestRoutes } from "../servers/http/guest-routes.ts";
import type { HttpServer } from "../servers/http/http-server.ts";
import type { Http2Server } from "../servers/http2/http2-server.ts";
import type { KafkaServer } from "../servers/kafka/kafka-server.ts";
import { LazyPart } from "./lazy-part.ts";
import type { PlannedListener } from "./listener-plan.ts";
import type { Doors } from "./listening-port.ts";
import { batchTools, type OpenBroker } from "./open-broker.ts";
import { reachableAddresses } from "./open-listeners.ts";
import { isServed, markServed } from "./served-doors.ts";
import type { StartSteps } from "./start-steps.ts";

/** What is behind the ports. */
export interface OpenDoors extends Doors {
  /** Loads the Kafka door's code, which the first connection would else wait for. */
  warmUp(): Promise<void>;
  /** From here on `/readyz` says no. */
  markStopping(): void;
}

/** Each is loaded by the first connection, or call, that asks for it. */
interface Parts {
  readonly kafka: LazyPart<KafkaServer>;
  readonly http: LazyPart<HttpServer>;
  readonly http2: LazyPart<Http2Server>;
  readonly grpc: LazyPart<GrpcServer>;
  isReady: boolean;
}

export interface DoorPlan {
  readonly listeners: readonly PlannedListener[];
  /** A program's own routes: the HTTP door is opened at once, so that it hears what is wrong. */
  readonly guests?: GuestRoutes | undefined;
  /** Takes over connections of other nodes; absent outside a cluster. */
  readonly peer?: Doors["peer"] | undefined;
}

/** Prepares the doors. They close in reverse: calls first, what carries them afterwards. */
export async function openDoors(
  steps: StartSteps,
  opened: OpenBroker,
  plan: DoorPlan,
): Promise<OpenDoors> {
  const { broker } = opened;
  const graceMs = broker.settings["shutdown.grace.ms"];
  const part = <T>(door: string, load: () => Promise<T>): LazyPart<T> =>
    new LazyPart(load, (error) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      broker.log.error("a door could not be opened; the next connection tries again", {
        door,
        reason,
      });
    });
  const parts: Parts = {
    kafka: part("Kafka", () => loadKafka(opened)),
    http: part("HTTP", () => loadHttp(opened, plan, parts)),
    http2: part("HTTP/2", () => loadHttp2(opened, parts)),
    grpc: part("gRPC", () => loadGrpc(opened)),
    isReady: true,
  };
  await steps.run(
    "open the Kafka door",
    () => parts.kafka,
    (door) => door.close((server) => server.close(graceMs)),
  );
  await steps.run(
    "open the web doors",
    () => parts,
    async ({ grpc, http2, http }) => {
      await grpc.close((server) => server.close());
      await Promise.all([
        http2.close((server) => server.close(graceMs)),
        http.close((server) => server.close(graceMs)),
      ]);
      await http.server?.closeRoutes();
    },
  );
  if (plan.guests !== undefined) {
    await steps.run("mount the program's routes", () => parts.http.open());
  }
  return {
    kafka: (socket, head) => parts.kafka.pass(socket, (server) => server.accept(socket, head)),
    http: (socket, served) => {
      markServed(socket, served);
      parts.http.pass(socket, (server) => server.accept(socket));
    },
    http2: (socket, served) => {
      markServed(socket, served);
      parts.http2.pass(socket, (server) => server.accept(socket));
    },
    peer: (socket, head) => (plan.peer === undefined ? socket.destroy() : plan.peer(socket, head)),
    warmUp: async () => void (await parts.kafka.open()),
    markStopping: () => (parts.isReady = false),
  };
}

async function loadKafka(opened: OpenBroker): Promise<KafkaServer> {
  const [{ KafkaServer }] = await Promise.all([
    import("../servers/kafka/kafka-server.ts"),
    opened.loadGroups(),
  ]);
  return new KafkaServer(opened.broker);
}

async function loadHttp(
  { broker, loadGroups, peers }: OpenBroker,
  plan: DoorPlan,
  parts: Parts,
): Promise<HttpServer> {
  const [{ HttpServer }, { MetricsPage }, { NodeMetrics }] = await Promise.all([
    import("../servers/http/http-server.ts"),
    import("../servers/http/metrics.ts"),
    import("./node-metrics.ts"),
  ]);
  const metrics = new NodeMetrics({
    broker,
    kafka: () => parts.kafka.server,
    http: () => server,
    http2: () => parts.http2.server,
    grpc: () => parts.grpc.server,
    peers: peers?.traffic,
  });
  const { settings } = broker;
  const server: HttpServer = await HttpServer.open({
    broker,
    tools: batchTools,
    loadGroups,
    rules: {
      listenerAddresses: reachableAddresses(plan.listeners),
      hosts: settings["http.hosts"],
      origins: settings["http.cors.origins"],
    },
    guests: plan.guests,
    takeCall: (request, response) => takeCall(request, response, parts.grpc),
    takesUpgrades: (socket) => isServed(socket, "http"),
    node: { isReady: () => parts.isReady, metrics: new MetricsPage(() => metrics.collect()) },
  });
  return server;
}

/** HTTP/2 carries what HTTP/1 does: the HTTP door answers, guard and all. */
async function loadHttp2({ broker }: OpenBroker, { http }: Parts): Promise<Http2Server> {
  const [{ Http2Server }, door] = await Promise.all([
    import("../servers/http2/http2-server.ts"),
    http.open(),
  ]);
  const { settings } = broker;
  return new Http2Server({
    settings,
    setupTimeoutMs: settings["connections.setup.timeout.ms"],
    idleTimeoutMs: settings["connections.max.idle.ms"],
    handle: (request, response) =>
      door.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  });
}

async function loadGrpc({ broker, loadGroups }: OpenBroker): Promise<GrpcServer> {
  const [{ GrpcServer }] = await Promise.all([
    import("../servers/grpc/grpc-server.ts"),
    loadGroups(),
  ]);
  return new GrpcServer({ broker, tools: batchTools });
}

/** Whether the request is a call, or for a door that its listener does not serve. */
function takeCall(
  request: IncomingMessage,
  response: ServerResponse,
  grpc: LazyPart<GrpcServer>,
): boolean {
  if (isRpcPath(request.url ?? "") && isServed(request.socket, "grpc")) {
    if (grpc.server !== undefined) grpc.server.handle(request, response);
    else {
      grpc.open().then(
        (server) => server.handle(request, response),
        () => response.writeHead(503).end(),
      );
    }
    return true;
  }
  if (isServed(request.socket, "http")) return false;
  response.writeHead(404).end();
  return true;
}
