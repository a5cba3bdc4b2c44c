import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { NodeAddress, NodeEntry } from "../broker/cluster/membership/node-entry.ts";
import type { Door } from "./listener-plan.ts";

/** A port that is open. */
interface OpenPort {
  /** Unbracketed, as dialed from this machine. */
  readonly host: string;
  readonly port: number;
}

const doors: readonly Door[] = ["kafka", "http", "grpc", "peer"];

/**
 * Where other nodes, and their clients, are told to reach this one: each door at its port, on the
 * host of `advertised.listeners`, else on that which it listens on; Kafka at the port said there.
 * Throws an Error where it listens on all addresses and none is advertised.
 */
export function advertisedAddresses(
  settings: Pick<NodeSettings, "advertised.listeners">,
  findPort: (door: Door) => OpenPort | undefined,
  isWildcard: (door: Door) => boolean,
): NodeEntry["addresses"] {
  const advertised = parseAdvertised(settings["advertised.listeners"][0]);
  const found: Partial<Record<Door, NodeAddress>> = {};
  for (const door of doors) {
    const port = findPort(door);
    if (port === undefined) continue;
    const host = advertised === undefined || advertised.host === "" ? undefined : advertised.host;
    if (host === undefined && isWildcard(door)) {
      throw new Error(
        `the other nodes of the cluster can not be told where ${door} is: it listens on all ` +
          "addresses; name this node's own in advertised.listeners",
      );
    }
    const isKafka = door === "kafka" && advertised !== undefined;
    found[door] = { host: host ?? port.host, port: isKafka ? advertised.port : port.port };
  }
  return found;
}

function parseAdvertised(listener: string | undefined): NodeAddress | undefined {
  if (listener === undefined) return undefined;
  const address = listener.slice(listener.lastIndexOf("/") + 1);
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(address.slice(colon + 1)) };
}
