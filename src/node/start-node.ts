import { totalmem } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { MergedSettings } from "../base/settings/merge-settings.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import { parseByteCount } from "../base/settings/rows.ts";
import type { Broker } from "../broker/broker.ts";
import { fitDescriptors } from "./fit-descriptors.ts";
import { ListeningPort } from "./listening-port.ts";
import { openBroker } from "./open-broker.ts";
import { openDoors, type OpenDoors } from "./open-doors.ts";
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
  /** Loads the Kafka door's code, which the first connection would else wait for. */
  warmUp(): Promise<void>;
  /**
   * Stops accepting, answers what is under way (at most `shutdown.grace.ms`), flushes, writes the
   * checkpoints and frees the data directory. Twice is harmless.
   */
  stop(): Promise<void>;
}

/** Starts a node. When a step fails, the earlier ones are undone and StartError names the step. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { log } = options;
  const settings = fitDescriptors(options.settings, log);
  const steps = new StartSteps(log);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? new SystemRandom();
  await steps.run("check the listener", () => refuseOpenListener(settings));
  const opened = await openBroker(steps, { ...options, settings, clock, random });
  const { broker } = opened;
  const doors = await openDoors(steps, opened);
  const port = await steps.run(
    "listen",
    () => listen(broker, doors),
    (listening) => {
      doors.markStopping();
      listening.close();
    },
  );
  warnOfUnreachable(settings, log);
  warnOfMemory(settings, log);
  const address = `${port.host.includes(":") ? `[${port.host}]` : port.host}:${port.port}`;
  return {
    broker,
    port: port.port,
    address,
    url: `http://${address}`,
    warmUp: async () => void (await doors.kafka.open()),
    stop: () => steps.stop(),
  };
}

function listen(broker: Broker, doors: OpenDoors): Promise<ListeningPort> {
  const { settings, log } = broker;
  const options = {
    host: settings.host,
    port: settings.port,
    setupTimeoutMs: settings["connections.setup.timeout.ms"],
    connectionsMax: () => settings["max.connections"],
    backlogConnections: settings["socket.listen.backlog.size"],
  };
  const { kafka, http } = doors;
  return ListeningPort.open(
    options,
    {
      kafka: (socket, head) => kafka.pass(socket, (server) => server.accept(socket, head)),
      http: (socket) => http.pass(socket, (server) => server.accept(socket)),
    },
    log,
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

function warnOfMemory(settings: NodeSettings, log: Log): void {
  const budgetBytes = parseByteCount(settings["memory.budget"]) ?? 0;
  if (budgetBytes <= totalmem()) return;
  log.warn("memory.budget is more than this machine has", { budgetBytes, hasBytes: totalmem() });
}

function warnOfUnreachable(settings: NodeSettings, log: Log): void {
  if (isLoopback(settings.host) || settings["advertised.listeners"].length > 0) return;
  log.info(
    "clients are told the address they came in on; a port mapping needs advertised.listeners",
  );
}
