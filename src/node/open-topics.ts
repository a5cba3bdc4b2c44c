import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { Cluster } from "../broker/cluster/cluster.ts";
import type { ShortTurns } from "../broker/cluster/replicas/short-turns.ts";
import type { ChainControl } from "../broker/cluster/assignment/chain-control.ts";
import type { ClusterAdministration } from "../broker/cluster/plans/cluster-administration.ts";
import type { Lineages } from "../broker/cluster/membership/node-entry.ts";
import type { BrokerConfigs } from "../broker/configs/broker-configs.ts";
import { KafkaImport } from "../broker/kafka-directory/kafka-import.ts";
import type { LogDirectory } from "../broker/partition/directory/log-directory.ts";
import type { LazyStorage } from "../broker/partition/lazy/lazy-storage.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { PeerLinks } from "../broker/ports/peer-links.ts";
import type { Disk } from "../broker/ports/disk.ts";
import { Topics } from "../broker/topics/topics.ts";
import type { BatchTools } from "../protocol/build-batch.ts";
import type { StartSteps } from "./start-steps.ts";

export interface TopicsParts extends BatchTools {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
  readonly cluster: Cluster | undefined;
  readonly directory: LogDirectory;
  readonly storage: LazyStorage;
  /** In a cluster. */
  readonly links: PeerLinks | undefined;
  readonly settings: NodeSettings;
  /** As of `openBroker`. */
  readonly bootId?: string | undefined;
  /** As of `openBroker`. */
  readonly shortTurns?: ShortTurns | undefined;
}

export interface OpenTopics {
  readonly topics: Topics;
  /** In a cluster: what its logs vouch for. */
  readonly lineages?: Lineages;
  /** In a cluster. */
  readonly chainControl?: ChainControl;
  readonly administration?: ClusterAdministration;
}

/** The topics, with what a directory that Kafka wrote says of them. */
export async function openTopics(steps: StartSteps, parts: TopicsParts): Promise<OpenTopics> {
  const { cluster, links } = parts;
  if (cluster !== undefined && links !== undefined) {
    // Loaded here: a node by itself needs none of it.
    const { openClusteredTopics } = await import("./open-clustered-topics.ts");
    return await openClusteredTopics(steps, { ...parts, cluster, links });
  }
  const kafka = await steps.run("look for Kafka's metadata", () => KafkaImport.begin(parts));
  const topics = await steps.run(
    "recover the topics",
    () => Topics.open({ ...parts, cluster: undefined }),
    (opened) => opened.close(),
  );
  await kafka?.finish(topics);
  return { topics };
}
