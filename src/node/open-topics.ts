import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Cluster } from "../broker/cluster/cluster.ts";
import type { Lineages } from "../broker/cluster/node-entry.ts";
import type { RunChain } from "../broker/cluster/running-chain.ts";
import type { BrokerConfigs } from "../broker/configs/broker-configs.ts";
import { KafkaImport } from "../broker/kafka-directory/kafka-import.ts";
import type { LogDirectory } from "../broker/partition/directory/log-directory.ts";
import type { LazyStorage } from "../broker/partition/lazy/lazy-storage.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { Disk } from "../broker/ports/disk.ts";
import { Topics } from "../broker/topics/topics.ts";
import type { BatchTools } from "../protocol/build-batch.ts";
import type { StartSteps } from "./start-steps.ts";

interface TopicsParts extends BatchTools {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
  readonly cluster: Cluster | undefined;
  readonly directory: LogDirectory;
  readonly storage: LazyStorage;
}

interface OpenTopics {
  readonly topics: Topics;
  /** In a cluster: what its logs vouch for. */
  readonly lineages?: Lineages;
}

/** The topics, with what a directory that Kafka wrote says of them. */
export async function openTopics(steps: StartSteps, parts: TopicsParts): Promise<OpenTopics> {
  const { cluster } = parts;
  if (cluster !== undefined) return await openClustered(steps, { ...parts, cluster });
  const kafka = await steps.run("look for Kafka's metadata", () => KafkaImport.begin(parts));
  const topics = await steps.run(
    "recover the topics",
    () => Topics.open({ ...parts, cluster: undefined }),
    (opened) => opened.close(),
  );
  await kafka?.finish(topics);
  return { topics };
}

/** Of a node among others: its logs are looked at before anybody counts on them. */
async function openClustered(
  steps: StartSteps,
  parts: TopicsParts & { readonly cluster: Cluster },
): Promise<OpenTopics> {
  const { cluster, coordinator, directory, log } = parts;
  const [{ ChainedTopics }, { ClusterStorage }, { LineageFile }, { LoneChain }, { readBootId }] =
    await Promise.all([
      import("../broker/cluster/chained-topics.ts"),
      import("../broker/cluster/cluster-storage.ts"),
      import("../broker/cluster/lineage-file.ts"),
      import("../broker/cluster/lone-chain.ts"),
      import("./open-cluster.ts"),
    ]);
  const runChain: RunChain = (replica, place) => new LoneChain(replica, place);
  const storage = await steps.run(
    "find the partitions' places",
    () => new ClusterStorage({ cluster, storage: parts.storage, runChain, log }),
    (opened) => opened.close(),
  );
  const chains = new ChainedTopics(cluster, coordinator);
  const topics = await steps.run(
    "recover the topics",
    () => Topics.open({ ...parts, storage, cluster: { chains, feed: cluster.feed } }),
    (opened) => opened.close(),
  );
  const lineages = await steps.run("see what the logs still hold", async () => {
    const { wasClean } = directory;
    const file = await LineageFile.open({ ...parts, bootId: readBootId(), wasClean });
    if (!storage.areReplicasWhole) await file.renew();
    return file.lineages;
  });
  return { topics, lineages };
}
