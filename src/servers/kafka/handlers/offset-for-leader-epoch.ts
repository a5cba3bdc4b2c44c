import { kafkaCode } from "../../../base/errors.ts";
import { offsetForLeaderEpoch as findEnd } from "../../../broker/offset-for-leader-epoch.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"OffsetForLeaderEpoch">;
type Response = ResponseOf<"OffsetForLeaderEpoch">;
type WantedPartition = Request["topics"][number]["partitions"][number];
type PartitionAnswer = Response["topics"][number]["partitions"][number];

/** OffsetForLeaderEpoch (key 23): where an epoch ended, for clients that check for truncation. */
export async function offsetForLeaderEpoch(
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const topics: Response["topics"][number][] = [];
  for (const { topic, partitions } of request.topics) {
    const found = context.broker.topics.find(topic);
    const answers = await Promise.all(partitions.map((wanted) => findPartitionEnd(found, wanted)));
    topics.push({ topic, partitions: answers });
  }
  return { topics };
}

async function findPartitionEnd(
  topic: Topic | undefined,
  wanted: WantedPartition,
): Promise<PartitionAnswer> {
  const { partition, currentLeaderEpoch, leaderEpoch } = wanted;
  const log = topic?.partitions[partition];
  if (log === undefined) return { partition, errorCode: kafkaCode("UNKNOWN_TOPIC_OR_PARTITION") };
  try {
    const end = await findEnd(log, { leaderEpoch, currentLeaderEpoch });
    return { partition, errorCode: 0, ...end };
  } catch (error) {
    return { partition, errorCode: expectXylemError(error).kafka };
  }
}
