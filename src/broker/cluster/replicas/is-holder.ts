import type { ChainConfig } from "../../../replication/chain-config.ts";

/** Whether a chain has given a node something of its partition, in this life or an earlier one. */
export function isHolder(
  { members, joining, replicas, target = [] }: ChainConfig,
  id: number,
): boolean {
  return (
    replicas.includes(id) ||
    target.includes(id) ||
    members.some((member) => member.id === id) ||
    joining.some((member) => member.id === id)
  );
}
