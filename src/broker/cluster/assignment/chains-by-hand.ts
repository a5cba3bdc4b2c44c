import { XylemError } from "../../../base/errors.ts";
import {
  chainKey,
  type ChainConfig,
  formatChainConfig,
} from "../../../replication/chain-config.ts";
import type { Compare, Coordinator } from "../../ports/coordinator.ts";
import type { Cluster } from "../cluster.ts";
import { unlessRaced } from "../unless-raced.ts";

/** One partition's place at the coordinator. */
export interface ChainPlaceId {
  readonly topicId: string;
  readonly partition: number;
}

/** What a hand changes of a chain, and what else must be as it was for that. */
export interface HandChange {
  readonly config: ChainConfig;
  readonly compares?: readonly Compare[];
}

/**
 * Changes of chains by hand, from any node: each by compare-and-set, as the controller's own, which
 * sees them and does what follows.
 */
export class ChainsByHand {
  readonly #cluster: Cluster;
  readonly #coordinator: Coordinator;

  constructor(parts: { readonly cluster: Cluster; readonly coordinator: Coordinator }) {
    this.#cluster = parts.cluster;
    this.#coordinator = parts.coordinator;
  }

  /**
   * Writes what `change` makes of a chain; the same object leaves it as it is. This node knows of
   * it when it resolves. Throws what `change` throws, UNKNOWN_TOPIC_OR_PARTITION where there is no
   * chain, NOT_CONTROLLER where others change it again and again.
   */
  async change(at: ChainPlaceId, change: (config: ChainConfig) => HandChange): Promise<void> {
    const key = chainKey(at.topicId, at.partition);
    await unlessRaced(this.#cluster.feed, key, async () => {
      const stored = this.#cluster.image.chains.get(key);
      if (stored === undefined) {
        throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `there is no chain ${key}`);
      }
      const { config, compares = [] } = change(stored.config);
      if (config === stored.config) return;
      const written = await this.#coordinator.transact(
        [{ key, revision: stored.revision }, ...compares],
        [{ key, value: formatChainConfig(config) }],
      );
      if (written === undefined) {
        throw new XylemError("NOT_CONTROLLER", `the chain ${key} changed meanwhile`);
      }
      await this.#cluster.feed.whenReached(written);
    });
  }
}
