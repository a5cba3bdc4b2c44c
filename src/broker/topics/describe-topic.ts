import { inParallel } from "../../base/in-parallel.ts";
import { formatUuid } from "../../base/uuid.ts";
import type { Broker } from "../broker.ts";
import { type PartitionPlace, placeOf } from "../cluster/partition-place.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "./topics.ts";

/** A topic as an administrator sees it. */
export interface TopicDescription {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  /** The topic's own configs, in their plain text form. */
  readonly configs: Readonly<Record<string, string>>;
  /** Bytes of all its logs that are served by this node, indexes not counted. */
  readonly sizeBytes: number;
  readonly partitions: readonly PartitionDescription[];
}

export interface PartitionDescription extends Partial<PartitionOffsets> {
  readonly partition: number;
  readonly leaderEpoch: number;
  /** The node that serves it; -1: none does at the moment. */
  readonly leader: number;
  /** What the node that answers is in its chain. */
  readonly role: PartitionPlace["role"];
  /** The nodes that hold it and are up, head first. */
  readonly chain: readonly number[];
  /** The nodes it is assigned to, the preferred head first. */
  readonly replicas: readonly number[];
  /** Of these those that come and those that go, while it is reassigned. */
  readonly adding?: readonly number[];
  readonly removing?: readonly number[];
  readonly segments?: readonly SegmentDescription[];
}

/** What only the node knows that serves a partition. */
interface PartitionOffsets {
  /** First offset that may be read. */
  readonly logStart: number;
  /** No reader sees this offset or a later one. */
  readonly highWatermark: number;
  /** As the high watermark, for who reads committed transactions only. */
  readonly lastStable: number;
  readonly sizeBytes: number;
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
  broker: Pick<Broker, "identity" | "cluster">,
  { segments }: { readonly segments: boolean },
): Promise<TopicDescription> {
  const need = segments ? "files" : "facts";
  const partitions = await inParallel(topic.partitions, openingMax, async (partition) => {
    if (partition.absence === undefined) await partition.load(need);
    const described = describePartition(partition, placeOf(broker, topic.id, partition));
    if (!segments || partition.absence !== undefined) return described;
    return { ...described, segments: await describeSegments(partition) };
  });
  return {
    name: topic.name,
    id: formatUuid(topic.id),
    isInternal: topic.isInternal,
    configs: Object.fromEntries(topic.configs),
    sizeBytes: partitions.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0),
    partitions,
  };
}

function describePartition(partition: PartitionLog, place: PartitionPlace): PartitionDescription {
  const { index, logStart, committed, lastStable, sizeBytes, absence, knowsLatest } = partition;
  const { leaderId: leader, leaderEpoch, role, inSync: chain, replicas } = place;
  const { adding, removing } = place;
  const isMoving = adding.length + removing.length > 0;
  const moving = isMoving ? { replicas, adding, removing } : { replicas };
  const described = { partition: index, leaderEpoch, leader, role, chain, ...moving };
  if (absence !== undefined) return described;
  if (knowsLatest === false) return { ...described, logStart, sizeBytes };
  return { ...described, logStart, highWatermark: committed, lastStable, sizeBytes };
}

async function describeSegments(partition: PartitionLog): Promise<SegmentDescription[]> {
  const segments = await partition.retained();
  return segments.map(({ baseOffset, endOffset, sizeBytes }) => ({
    baseOffset,
    endOffset,
    sizeBytes,
  }));
}
