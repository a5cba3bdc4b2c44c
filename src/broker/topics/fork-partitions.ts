import { inParallel } from "../../base/in-parallel.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { CutOf, PartitionStorage, TopicKey } from "../ports/partition-storage.ts";
import type { LiveTopic } from "./live-topic.ts";
import { openPartitions } from "./open-partitions.ts";

export interface ForkOptions {
  readonly cutOf: CutOf;
  /** Called with each partition of the fork before anybody can see it. */
  readonly finish: (partition: PartitionLog) => Promise<void>;
}

export interface ForkedTopic {
  readonly from: TopicKey;
  readonly count: number;
  readonly topic: LiveTopic;
}

/** Partitions of a fork that are finished side by side. */
const finishingMax = 16;

/** Makes the partitions of a fork, whole and durable, and opens them. */
export async function forkPartitions(
  storage: PartitionStorage,
  { from, count, topic }: ForkedTopic,
  { cutOf, finish }: ForkOptions,
): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await storage.forkPartition(from, index, topic, cutOf);
  }
  const { settings } = topic;
  // What finishes a fork is as durable as what was copied, whatever the topic asks for later.
  topic.configure({ ...settings, durability: "fsync" });
  topic.partitions = await openPartitions(storage, topic, { first: 0, end: count });
  await inParallel(topic.partitions, finishingMax, finish);
  topic.configure(settings);
}
