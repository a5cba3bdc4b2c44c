import { kafkaCode, XylemError } from "../../../base/errors.ts";
import { listOffset, offsetTimes } from "../../../broker/list-offsets.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"ListOffsets">;
type Response = ResponseOf<"ListOffsets">;
type WantedPartition = Request["topics"][number]["partitions"][number];
type PartitionAnswer = Response["topics"][number]["partitions"][number];

/** The version that first knows each special time. */
const specialTimes: Readonly<Record<number, number>> = {
  [offsetTimes.latest]: 1,
  [offsetTimes.earliest]: 1,
  [offsetTimes.maxTimestamp]: 7,
  [offsetTimes.earliestLocal]: 8,
  [offsetTimes.latestTiered]: 9,
  [offsetTimes.earliestPendingUpload]: 11,
};

const readCommittedLevel = 1;

/** ListOffsets (key 2): the offset of a time, or of the log's start or end. */
export async function listOffsets(request: Request, context: RequestContext): Promise<Response> {
  const readCommitted = request.isolationLevel === readCommittedLevel;
  const repeated = findRepeated(request);
  const topics: Response["topics"][number][] = [];
  for (const { name, partitions } of request.topics) {
    const topic = context.broker.topics.find(name);
    const answers: PartitionAnswer[] = [];
    for (const wanted of partitions) {
      const isRepeated = repeated.has(`${name}-${wanted.partitionIndex}`);
      answers.push(
        isRepeated
          ? failed(wanted, kafkaCode("INVALID_REQUEST"))
          : await listPartition(topic, wanted, { readCommitted, apiVersion: context.apiVersion }),
      );
    }
    topics.push({ name, partitions: answers });
  }
  return { topics };
}

function findRepeated(request: Request): Set<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${name}-${partitionIndex}`;
      if (seen.has(key)) repeated.add(key);
      seen.add(key);
    }
  }
  return repeated;
}

async function listPartition(
  topic: Topic | undefined,
  wanted: WantedPartition,
  options: { readCommitted: boolean; apiVersion: number },
): Promise<PartitionAnswer> {
  const { partitionIndex, currentLeaderEpoch } = wanted;
  try {
    const partition = topic?.partitions[partitionIndex];
    if (partition === undefined) return failed(wanted, kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"));
    const { readCommitted, apiVersion } = options;
    const timestampMs = checkTime(wanted.timestamp, apiVersion);
    const found = await listOffset(partition, { timestampMs, readCommitted, currentLeaderEpoch });
    const { offset, leaderEpoch } = found;
    return {
      partitionIndex,
      errorCode: 0,
      timestamp: found.timestampMs,
      offset,
      ...(apiVersion >= 4 ? { leaderEpoch } : {}),
    };
  } catch (error) {
    const { code, kafka } = expectXylemError(error);
    const isUnknownYet = code === "OFFSET_NOT_AVAILABLE" && options.apiVersion < 5;
    return failed(wanted, isUnknownYet ? kafkaCode("LEADER_NOT_AVAILABLE") : kafka);
  }
}

/** A time past 2^53 is later than every record. */
function checkTime(timestamp: number | bigint, apiVersion: number): number {
  if (timestamp >= 0) return Math.min(Number(timestamp), Number.MAX_SAFE_INTEGER);
  const known = specialTimes[Number(timestamp)];
  if (known === undefined || apiVersion < known) {
    throw new XylemError("UNSUPPORTED_VERSION", `no special time ${timestamp} in this version`);
  }
  return Number(timestamp);
}

function failed({ partitionIndex }: WantedPartition, errorCode: number): PartitionAnswer {
  return { partitionIndex, errorCode };
}
