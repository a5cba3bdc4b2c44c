import type { PeerLinks } from "../ports/peer-links.ts";
import type { Cluster } from "./cluster.ts";
import { probeNode } from "./controller/controller-calls.ts";

const greetedMax = 2;

/**
 * Who has come dials some of the others: its log and theirs tell at once where addresses do not
 * lead to each other, or secrets differ, and not when the first partition is placed on it.
 */
export function greetNodes({ nodeId, image }: Cluster, links: PeerLinks): void {
  const others = image.nodes.filter(({ id, addresses }) => id !== nodeId && addresses.peer);
  for (const { id } of others.slice(0, greetedMax)) probeNode(links, id);
}
