import { inParallel } from "../../base/in-parallel.ts";
import { formatUuid } from "../../base/uuid.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "./topics.ts";

/** A topic as an administrator sees it. */
export interface TopicDescription {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  /** The topic's own configs, in their plain text form. */
  readonly configs: Readonly<Record<string, string>>;
  /** Bytes of all its logs, indexes not counted. */
  readonly sizeBytes: number;
  readonly partitions: readonly PartitionDescription[];
}

export interface PartitionDescription {
  readonly partition: number;
  /** First offset that may be read. */
  readonly logStart: number;
  /** No reader sees this offset or a later one. */
  readonly highWatermark: number;
  /** As the high watermark, for who reads committed transactions only. */
  readonly lastStable: number;
  readonly sizeBytes: number;
  readonly leaderEpoch: number;
  /** The nodes that hold it, head first. */
  readonly chain: readonly number[];
  readonly segments?: readonly SegmentDescription[];
}

export interface SegmentDescription {
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly sizeBytes: number;
}

/** Partitions of a topic that are opened at a time. */
const openingMax = 64;

/** With `segments` every partition's files are opened. Throws KAFKA_STORAGE_ERROR. */
export async function describeTopic(
  topic: Topic,
  nodeId: number,
  { segments }: { readonly segments: boolean },
): Promise<TopicDescription> {
  const partitions = await inParallel(topic.partitions, openingMax, async (partition) => {
    await partition.load(segments ? "files" : "facts");
    const described = describePartition(partition, nodeId);
    return segments ? { ...described, segments: await describeSegments(partition) } : described;
  });
  return {
    name: topic.name,
    id: formatUuid(topic.id),
    isInternal: topic.isInternal,
    configs: Object.fromEntries(topic.configs),
    sizeBytes: partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    partitions,
  };
}

function describePartition(partition: PartitionLog, nodeId: number): PartitionDescription {
  const { index, logStart, committed, lastStable, sizeBytes, leaderEpoch } = partition;
  const offsets = { logStart, highWatermark: committed, lastStable };
  return { partition: index, ...offsets, sizeBytes, leaderEpoch, chain: [nodeId] };
}

async function describeSegments(partition: PartitionLog): Promise<SegmentDescription[]> {
  const segments = await partition.retained();
  return segments.map(({ baseOffset, endOffset, sizeBytes }) => ({
    baseOffset,
    endOffset,
    sizeBytes,
  }));
}
