import type { ChainConfig } from "../chain-config.ts";

/** One write of the controller: only if nothing it was decided on has changed. */
export interface ChainChange {
  readonly key: string;
  /** The chain's revision that is compared. */
  readonly revision: number;
  readonly config: ChainConfig;
  /** For people. */
  readonly reason: string;
  /**
   * Entries of nodes that are compared too, as an unclean start needs it; revision 0: there must be
   * none.
   */
  readonly nodes: readonly { readonly id: number; readonly revision: number }[];
}

/** Another configuration of the chain: a new epoch. */
export function nextEpoch(config: ChainConfig, change: Partial<ChainConfig>): ChainConfig {
  return { ...config, ...change, epoch: config.epoch + 1 };
}
