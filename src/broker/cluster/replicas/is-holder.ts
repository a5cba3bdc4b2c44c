import { type ChainConfig, holderIds } from "../../../replication/chain-config.ts";

/** Whether a chain has given a node something of its partition, in this life or an earlier one. */
export function isHolder(config: ChainConfig, id: number): boolean {
  return holderIds(config).includes(id);
}
