import type { ChainConfig } from "../chain-config.ts";
import { nextEpoch } from "./chain-change.ts";
import type { ChainSituation, Verdict } from "./chain-situation.ts";

/** What was done since a backup, and nobody who is up knows of, was done in fewer epochs. */
export const awayEpochsMax = 10_000;

type Change = Verdict & { readonly kind: "change" };

/** Nodes serve no chain that is as a backup has it: one that nobody objects to is written anew. */
export function renewUnchanged({ chain }: ChainSituation): Change {
  const config = nextEpoch(chain.config, {});
  return { kind: "change", config, reason: "is as the restored coordinator says" };
}

/** The first change of a chain after the coordinator was restored. */
export function renewed({ chain }: ChainSituation, verdict: Change, era: number): Change {
  return { ...verdict, config: inEra(era, verdict.config, chain.config) };
}

/**
 * What a chain becomes in an era that it was not in before: its epoch is one that no log has. The
 * tables of epochs tell what was appended since the backup from what is appended from here on.
 */
export function inEra(era: number, config: ChainConfig, before: ChainConfig): ChainConfig {
  if ((before.era ?? 0) >= era) return config;
  const epoch = Math.max(config.epoch, before.epoch + 1 + awayEpochsMax);
  const unclean = config.unclean === config.epoch ? epoch : config.unclean;
  return { ...config, epoch, unclean, era };
}
