import { inParallel } from "../../../base/in-parallel.ts";
import type { Broker } from "../../../broker/broker.ts";
import type { PartitionLog } from "../../../broker/partition/partition-log.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DescribeLogDirs">;
type Response = ResponseOf<"DescribeLogDirs">;
type TopicAnswer = Response["results"][number]["topics"][number];

/** Partitions of a topic that are opened at a time. */
const openingMax = 64;

/**
 * DescribeLogDirs (key 35): the one directory of this node, with the replicas that it has and their
 * sizes. What is not here is left out.
 */
export async function describeLogDirs(
  { topics }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const { settings, storage } = broker;
  const { freeBytes } = storage;
  const described: TopicAnswer[] = [];
  for (const [name, indexes] of wantedOf(topics, broker)) {
    const partitions = await describePartitions(broker, name, indexes);
    if (partitions.length > 0) described.push({ name, partitions });
  }
  const logDir = {
    errorCode: 0,
    logDir: settings.memory ? "memory" : settings.data,
    topics: described,
    totalBytes: -1,
    usableBytes: Number.isSafeInteger(freeBytes) ? freeBytes : -1,
    isCordoned: false,
  };
  return { errorCode: 0, results: [logDir] };
}

function wantedOf(
  topics: Request["topics"],
  broker: Broker,
): Map<string, readonly number[] | undefined> {
  if (topics === null) return new Map(broker.topics.list().map(({ name }) => [name, undefined]));
  return new Map(topics.map(({ topic, partitions }) => [topic, partitions]));
}

async function describePartitions(
  { topics }: Broker,
  name: string,
  indexes: readonly number[] | undefined,
): Promise<TopicAnswer["partitions"]> {
  const topic = topics.find(name);
  const wanted = [...new Set(indexes ?? topic?.partitions.keys())];
  const found = await inParallel(wanted, openingMax, async (partitionIndex) => {
    const log = replicaOf(topic?.partitions[partitionIndex]);
    if (log === undefined) return undefined;
    await log.load("facts");
    const { sizeBytes: partitionSize, committed, end } = log;
    const offsetLag = Math.max(0, committed - end);
    return { partitionIndex, partitionSize, offsetLag, isFutureKey: false };
  });
  return found.filter((one) => one !== undefined);
}

/** What this node has of it, be clients served from it or not. */
function replicaOf(partition: PartitionLog | undefined): PartitionLog | undefined {
  return partition?.findReplica === undefined ? partition : partition.findReplica();
}
