import type { ClusterDescription } from "./answers.ts";

const timeoutMs = 5_000;

/**
 * The URLs of the other nodes of a cluster that are up, as the one at `url` tells. None where a
 * proxy is between: nodes are told of as they are reached themselves.
 */
export async function findNodes(url: string, given: typeof fetch): Promise<readonly string[]> {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "http:" || pathname !== "/") return [];
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await given(`${url}/v1/cluster`, { cache: "no-store", signal });
  const { nodeId, nodes } = (await response.json()) as ClusterDescription;
  return nodes.flatMap((node) => {
    const address = node.addresses["http"];
    const isOther = node.nodeId !== nodeId && node.status !== "down";
    return isOther && address !== undefined ? [`http://${address}`] : [];
  });
}
