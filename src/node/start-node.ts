import { totalmem } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { MergedSettings } from "../base/settings/merge-settings.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import { parseByteCount } from "../base/settings/rows.ts";
import { assert } from "../base/assert.ts";
import type { Broker } from "../broker/broker.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { Disk } from "../broker/ports/disk.ts";
import type { Rehearsal } from "../broker/ports/rehearsal.ts";
import type { GuestRoutes } from "../servers/http/guest-routes.ts";
import { advertisedAddresses } from "./advertised-addresses.ts";
import { takenNodeId } from "./find-node-id.ts";
import { fitDescriptors } from "./fit-descriptors.ts";
import { type Door, type PlannedListener, planListeners } from "./listener-plan.ts";
import { type OpenBroker, openBroker } from "./open-broker.ts";
import { openDoors } from "./open-doors.ts";
import { Listeners } from "./open-listeners.ts";
import { StartSteps } from "./start-steps.ts";
import { systemClock } from "./system-clock.ts";
import { SystemRandom } from "./system-random.ts";

export interface NodeOptions extends MergedSettings {
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  /** A program's own routes beside `/v1`. */
  readonly routes?: GuestRoutes;
  /** As of `openBroker`. */
  readonly disk?: Disk;
  readonly rehearsal?: Rehearsal;
  /** As of `openBroker`. */
  readonly coordinator?: Coordinator;
  /** Called when `xylem stop` asks for it; the caller then stops the node. */
  readonly onStopRequested?: () => void;
}

/** A node that serves clients until `stop`. */
export interface RunningNode {
  readonly broker: Broker;
  /** Of `address`. */
  readonly port: number;
  /** `host:port` for Kafka clients on this machine; of HTTP or gRPC when Kafka is off. */
  readonly address: string;
  /** The place of HTTP, or of what there is when its door is off. */
  readonly url: string;
  /** `host:port` of each door; undefined when it is off. */
  addressOf(door: Door): string | undefined;
  /** Loads the Kafka door's code, which the first connection would else wait for. */
  warmUp(): Promise<void>;
  /**
   * Stops accepting, answers what is under way (at most `shutdown.grace.ms`), flushes, writes the
   * checkpoints and frees the data directory. Twice is harmless.
   */
  stop(): Promise<void>;
}

/** A day: the longest that nothing else may keep a process alive. */
const aliveMs = 86_400_000;

/** Starts a node. When a step fails, the earlier ones are undone and StartError names the step. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  // A start may wait for others, a coordinator or a lease, and has nothing yet that listens.
  const alive = setInterval(() => {}, aliveMs);
  try {
    return await start(options);
  } finally {
    clearInterval(alive);
  }
}

async function start(options: NodeOptions): Promise<RunningNode> {
  const { log } = options;
  const settings = fitDescriptors(withNodeId(options), log);
  const steps = new StartSteps(log);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? new SystemRandom();
  const plan = await steps.run("check the listeners", () => checkedPlan(settings));
  const opened = await openBroker(steps, { ...options, settings, clock, random });
  const { broker } = opened;
  const { routes: guests } = options;
  const peer = opened.peers?.accept;
  const doors = await openDoors(steps, opened, { listeners: plan, guests, peer });
  const listeners = await steps.run(
    "listen",
    () => Listeners.open(plan, broker, doors),
    (opened) => {
      doors.markStopping();
      opened.close();
    },
  );
  await announce(steps, opened, listeners);
  warnOfUnreachable(plan, settings, log);
  warnOfMemory(settings, log);
  const http = listeners.find("http");
  const first = listeners.find("kafka") ?? http ?? listeners.find("grpc");
  assert(first !== undefined, "a node without a listener");
  return {
    broker,
    port: first.port,
    address: first.address,
    url: `http://${(http ?? first).address}`,
    addressOf: (door) => listeners.find(door)?.address,
    warmUp: () => doors.warmUp(),
    stop: () => steps.stop(),
  };
}

/** In a cluster no number is as good as another by default. */
function withNodeId({ settings, given, coordinator }: NodeOptions): NodeSettings {
  const isShared = coordinator !== undefined || settings.coordinator !== "";
  return isShared && !given.has("node.id") ? { ...settings, "node.id": takenNodeId } : settings;
}

/** From here on the other nodes of a cluster count on this one. */
async function announce(
  steps: StartSteps,
  { broker, announce: tell, handOver }: OpenBroker,
  listeners: Listeners,
): Promise<void> {
  if (broker.cluster === undefined) return;
  const addresses = advertisedAddresses(
    broker.settings,
    (door) => listeners.find(door),
    (door) => listeners.isWildcard(door),
  );
  await steps.run(
    "tell the cluster where this node is",
    () => tell(addresses),
    () => handOver(),
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** security.md, Listeners: open to other machines only on purpose. */
function checkedPlan(settings: NodeSettings): readonly PlannedListener[] {
  const plan = planListeners(settings);
  const reachable = plan.find(({ host }) => !isLoopback(host));
  if (reachable === undefined || settings.insecure) return plan;
  throw new Error(
    `${reachable.host} can be reached from other machines without encryption and logins; ` +
      "give --insecure if that is meant",
  );
}

function warnOfMemory(settings: NodeSettings, log: Log): void {
  const budgetBytes = parseByteCount(settings["memory.budget"]) ?? 0;
  if (budgetBytes <= totalmem()) return;
  log.warn("memory.budget is more than this machine has", { budgetBytes, hasBytes: totalmem() });
}

function warnOfUnreachable(
  plan: readonly PlannedListener[],
  settings: NodeSettings,
  log: Log,
): void {
  const kafka = plan.filter(({ doors }) => doors.has("kafka"));
  const isReachable = kafka.some(({ host }) => !isLoopback(host));
  if (!isReachable || settings["advertised.listeners"].length > 0) return;
  log.info(
    "clients are told the address they came in on; a port mapping needs advertised.listeners",
  );
}
