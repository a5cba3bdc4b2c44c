import type { Broker } from "../broker.ts";
import type { NodeEntry } from "./membership/node-entry.ts";

/** A node as an administrator sees it. */
export interface NodeDescription {
  readonly nodeId: number;
  readonly rack: string | null;
  /** Down, or its place in the ring: it holds replicas, waits for some, or gives them away. */
  readonly status: "serving" | "down" | "joining" | "leaving";
  /** Partitions whose head it is, and replicas that are assigned to it. */
  readonly heads: number;
  readonly replicas: number;
  /** `host:port` by door; of a node by itself none: it is where it was asked. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Every node that has a place in the cluster, sorted by id. */
export function describeNodes({
  identity,
  cluster,
  topics,
}: Pick<Broker, "identity" | "cluster" | "topics">): readonly NodeDescription[] {
  if (cluster === undefined) {
    const { nodeId, rack } = identity;
    const count = topics.list().reduce((sum, { partitions }) => sum + partitions.length, 0);
    return [{ nodeId, rack, status: "serving", heads: count, replicas: count, addresses: {} }];
  }
  const { image } = cluster;
  const heads = new Map<number, number>();
  for (const { config } of image.chains.values()) {
    const head = image.headOf(config);
    if (head !== undefined) heads.set(head.id, (heads.get(head.id) ?? 0) + 1);
  }
  return image.seats.map(({ id, rack, state }) => {
    const node = image.node(id);
    const status = node === undefined ? "down" : state === "valid" ? "serving" : state;
    return {
      nodeId: id,
      rack: rack === "" ? null : rack,
      status,
      heads: heads.get(id) ?? 0,
      replicas: image.loads.of(id).replicas,
      addresses: formatAddresses(node),
    };
  });
}

/** `host:port` by door. */
export function formatAddresses(node: NodeEntry | undefined): Record<string, string> {
  const texts = Object.entries(node?.addresses ?? {}).map(([door, { host, port }]) => {
    return [door, host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`] as const;
  });
  return Object.fromEntries(texts);
}
