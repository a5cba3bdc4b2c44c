import type { ChainConfig } from "../../../replication/chain-config.ts";
import type { ClusterImage } from "../cluster-image.ts";

/**
 * Whether another node leads the chain when its head is drained: a member, or one that joins first.
 * As the rules of the controller say (assignment-rules.ts), for nodes that are up now.
 */
export function mayGiveWay(
  image: ClusterImage,
  { members, replicas, target }: ChainConfig,
  replicasMin: number,
): boolean {
  const [head] = members;
  const present = new Set(members.filter((one) => image.has(one)).map(({ id }) => id));
  for (const id of target ?? replicas) {
    const node = image.node(id);
    if (node !== undefined && !node.isDraining && node.isFull !== true) present.add(id);
  }
  if (present.size <= replicasMin) return false;
  return [...present].some((id) => id !== head?.id && image.node(id)?.isDraining === false);
}
