import { networkInterfaces } from "node:os";
import type { Broker } from "../broker/broker.ts";
import { ConnectionCount } from "./connection-count.ts";
import type { Door, PlannedListener } from "./listener-plan.ts";
import { type Doors, ListeningPort } from "./listening-port.ts";

/** The ports of a node, open. */
export class Listeners {
  readonly #ports: readonly ListeningPort[];

  private constructor(ports: readonly ListeningPort[]) {
    this.#ports = ports;
  }

  /** Opens all or none. Throws an Error that names host and port of what can not be had. */
  static async open(
    plan: readonly PlannedListener[],
    broker: Broker,
    doors: Doors,
  ): Promise<Listeners> {
    const { settings, clock, log } = broker;
    const options = {
      clock,
      setupTimeoutMs: settings["connections.setup.timeout.ms"],
      connections: new ConnectionCount(() => settings["max.connections"]),
      backlogConnections: settings["socket.listen.backlog.size"],
    };
    const ports: ListeningPort[] = [];
    try {
      for (const listener of plan) {
        ports.push(await ListeningPort.open({ ...options, ...listener }, doors, log));
      }
    } catch (error) {
      for (const port of ports) port.close();
      throw error;
    }
    return new Listeners(ports);
  }

  /** The first port where the door is served; undefined when it is off. */
  find(door: Door): ListeningPort | undefined {
    return this.#ports.find((port) => port.doors.has(door));
  }

  /** Whether a door is reached by any address of this machine. */
  isWildcard(door: Door): boolean {
    const host = this.#ports.find((port) => port.doors.has(door))?.boundTo;
    return host === "0.0.0.0" || host === "::";
  }

  close(): void {
    for (const port of this.#ports) port.close();
  }
}

/** Every address that reaches one of the listeners: all of this machine's for a wildcard. */
export function reachableAddresses(plan: readonly PlannedListener[]): string[] {
  return plan.flatMap(({ host }) => {
    if (host !== "0.0.0.0" && host !== "::") return [host.toLowerCase()];
    return Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => address.toLowerCase()),
    );
  });
}
