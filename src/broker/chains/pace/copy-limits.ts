import { longMax } from "../../../base/settings/rows.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import type { BrokerConfigs } from "../../configs/broker-configs.ts";
import { clusterKey, nodeKey } from "../../configs/config-store.ts";
import type { Copy, CopyLimit } from "./copy-pace.ts";

const followerRate = "follower.replication.throttled.rate";
const leaderRate = "leader.replication.throttled.rate";
/** How long it is taken for known which part of a node's joins this node feeds. */
const shareMs = 1_000;

export interface CopyLimitsParts {
  readonly cluster: Cluster;
  readonly configs: Pick<BrokerConfigs, "settings" | "store">;
  readonly nowMs: () => number;
}

/**
 * What holds back the copying for a replica that joins: the node's own limit, and Kafka's throttles
 * where the topic's configs name sender or joiner (KIP-73). They are all kept by the sender;
 * several senders share what the joiner's node may take.
 */
export class CopyLimits {
  readonly #parts: CopyLimitsParts;
  readonly #shares = new Map<number, { share: number; untilMs: number }>();

  constructor(parts: CopyLimitsParts) {
    this.#parts = parts;
  }

  of({ partition, joinerId, settings }: Copy): CopyLimit[] {
    const { cluster, configs } = this.#parts;
    const node: NodeSettings = configs.settings;
    const limits = [{ key: "node", bytesPerSecond: node["replica.copy.io.max.bytes.per.second"] }];
    if (names(settings["leader.replication.throttled.replicas"], partition, cluster.nodeId)) {
      limits.push({ key: "leader", bytesPerSecond: node[leaderRate] });
    }
    if (names(settings["follower.replication.throttled.replicas"], partition, joinerId)) {
      const bytesPerSecond = this.#rateOf(joinerId) * this.#shareOf(joinerId);
      limits.push({ key: `follower/${joinerId}`, bytesPerSecond });
    }
    return limits.filter(({ bytesPerSecond }) => bytesPerSecond < longMax);
  }

  /** Only what was set while it runs is known of another node. */
  #rateOf(nodeId: number): number {
    const { cluster, configs } = this.#parts;
    if (nodeId === cluster.nodeId) return configs.settings[followerRate];
    const { store } = configs;
    const text =
      store.get(nodeKey(nodeId)).get(followerRate) ?? store.get(clusterKey).get(followerRate);
    return text === undefined ? Infinity : Number(text);
  }

  /** Of the joins of a node under way those that this node feeds, from 0 to 1. */
  #shareOf(joinerId: number): number {
    const { cluster, nowMs } = this.#parts;
    const known = this.#shares.get(joinerId);
    if (known !== undefined && nowMs() < known.untilMs) return known.share;
    let [own, all] = [0, 0];
    for (const { config } of cluster.image.chains.values()) {
      if (config.joining[0]?.id !== joinerId) continue;
      all += 1;
      if (config.members.at(-1)?.id === cluster.nodeId) own += 1;
    }
    const share = own === 0 ? 1 : own / all;
    this.#shares.set(joinerId, { share, untilMs: nowMs() + shareMs });
    return share;
  }
}

function names(
  replicas: TopicSettings["leader.replication.throttled.replicas"],
  partition: number,
  nodeId: number,
): boolean {
  return replicas.some((one) => one === "*" || one === `${partition}:${nodeId}`);
}
