import type { Admin } from "@platformatic/kafka";

/** A topic's partitions with the offsets that can be read: [start, end). */
export interface TopicOffsets {
  readonly name: string;
  readonly id: string;
  readonly partitions: readonly PartitionOffsets[];
}

export interface PartitionOffsets {
  readonly index: number;
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly start: bigint;
  readonly end: bigint;
}

const latest = -1n;
const earliest = -2n;

/** Topics that exist among `names`, in their order. */
export async function readTopics(admin: Admin, names: readonly string[]): Promise<TopicOffsets[]> {
  if (names.length === 0) return [];
  const metadata = await admin.metadata({ topics: [...names], forceUpdate: true });
  const shapes = names.map((name) => ({
    name,
    indexes: [...(metadata.topics.get(name)?.partitions.keys() ?? [])],
  }));
  const [starts, ends] = await Promise.all([
    listOffsets(admin, shapes, earliest),
    listOffsets(admin, shapes, latest),
  ]);
  return names.flatMap((name) => {
    const topic = metadata.topics.get(name);
    if (topic === undefined) return [];
    const partitions = topic.partitions.map((partition, index) => ({
      index,
      leader: partition.leader,
      replicas: partition.replicas,
      start: starts.get(`${name}-${index}`) ?? 0n,
      end: ends.get(`${name}-${index}`) ?? 0n,
    }));
    return [{ name, id: topic.id, partitions }];
  });
}

/** Offsets by `topic-partition` at a timestamp or one of Kafka's special ones. */
export async function listOffsets(
  admin: Pick<Admin, "listOffsets">,
  topics: readonly { name: string; indexes: readonly number[] }[],
  timestamp: bigint,
): Promise<Map<string, bigint>> {
  const listed = await admin.listOffsets({
    topics: topics.map(({ name, indexes }) => ({
      name,
      partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp })),
    })),
  });
  const offsets = listed.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, offset }) => [`${name}-${partitionIndex}`, offset] as const),
  );
  return new Map(offsets);
}
