import { inParallel } from "../../base/in-parallel.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { PartitionStorage } from "../ports/partition-storage.ts";
import type { LiveTopic } from "./live-topic.ts";

/** The most partitions of a topic that are opened at a time. */
const openingMax = 64;

/** Opens a topic's partitions with the indexes [first, end). */
export async function openPartitions(
  storage: PartitionStorage,
  topic: LiveTopic,
  { first, end }: { readonly first: number; readonly end: number },
): Promise<readonly PartitionLog[]> {
  const indexes = Array.from({ length: end - first }, (_, at) => first + at);
  return await inParallel(indexes, openingMax, async (index) => {
    return await storage.openPartition(topic, index, topic.settings);
  });
}
