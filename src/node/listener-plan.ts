import type { NodeSettings } from "../base/settings/node-settings.ts";

/**
 * A way in. `http` is everything that HTTP/1 and HTTP/2 carry besides gRPC; `peer` is for the other
 * nodes of a cluster.
 */
export type Door = "kafka" | "http" | "grpc" | "peer";

const clientDoors: readonly Door[] = ["kafka", "http", "grpc"];

/** An address to listen on, and the doors that are served there. */
export interface PlannedListener {
  /** Unbracketed. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly doors: ReadonlySet<Door>;
}

interface Entry {
  readonly doors: ReadonlySet<Door>;
  readonly place: { readonly host: string; readonly port: number } | "off";
}

/**
 * Where each door is: at its entries of `door.listeners`, nowhere when it is `off` there, else at
 * `host` and `port`. Throws an Error that names the door or address of contradicting entries.
 */
export function planListeners(
  settings: Pick<NodeSettings, "host" | "port" | "door.listeners" | "coordinator">,
): readonly PlannedListener[] {
  const entries = settings["door.listeners"].map(parseEntry);
  const planned: PlannedListener[] = [];
  for (const { doors, place } of entries) if (place !== "off") planned.push({ ...place, doors });
  const off = new Set(entries.flatMap(({ doors, place }) => (place === "off" ? [...doors] : [])));
  const moved = new Set(planned.flatMap(({ doors }) => [...doors]));
  const both = [...off].find((door) => moved.has(door));
  if (both !== undefined) throw new Error(`door.listeners has ${both} both off and at an address`);
  const isAlone = settings.coordinator === "";
  if (isAlone && (off.has("peer") || moved.has("peer"))) {
    throw new Error("door.listeners has peer, but without a coordinator there are no other nodes");
  }
  const allDoors: readonly Door[] = isAlone ? clientDoors : [...clientDoors, "peer"];
  const stay = allDoors.filter((door) => !off.has(door) && !moved.has(door));
  const { host, port } = settings;
  if (stay.length > 0) planned.unshift({ host, port, doors: new Set(stay) });
  const isServing = planned.some(({ doors }) => clientDoors.some((door) => doors.has(door)));
  if (!isServing) throw new Error("door.listeners has every door off");
  refuseSharedAddress(planned);
  return planned;
}

/** `kafka=host:port`, `http+grpc=[::1]:port` or `http=off`; the setting's check has passed it. */
function parseEntry(entry: string): Entry {
  const equals = entry.indexOf("=");
  const doors = new Set(entry.slice(0, equals).split("+") as Door[]);
  const address = entry.slice(equals + 1);
  if (address === "off") return { doors, place: "off" };
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { doors, place: { host, port: Number(address.slice(colon + 1)) } };
}

function refuseSharedAddress(planned: readonly PlannedListener[]): void {
  const seen = new Set<string>();
  for (const { host, port } of planned) {
    const address = `${host}:${port}`;
    if (seen.has(address) && port !== 0) {
      throw new Error(`door.listeners has ${address} twice; doors of one address are joined by +`);
    }
    seen.add(address);
  }
}
