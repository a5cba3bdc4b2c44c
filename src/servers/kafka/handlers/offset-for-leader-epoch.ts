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
export function offsetForLeaderEpoch(request: Request, context: RequestContext): Response {
  const topics = request.topics.map(({ topic, partitions }) => {
    const found = context.broker.topics.find(topic);
    return { topic, partitions: partitions.map((wanted) => findPartitionEnd(found, wanted)) };
  });
  return { topics };
}

function findPartitionEnd(topic: Topic | undefined, wanted: WantedPartition): PartitionAnswer {
  const { partition, currentLeaderEpoch, leaderEpoch } = wanted;
  const log = topic?.partitions[partition];
  if (log === undefined) return { partition, errorCode: kafkaCode("UNKNOWN_TOPIC_OR_PARTITION") };
  try {
    const end = findEnd(log, { leaderEpoch, currentLeaderEpoch });
    return { partition, errorCode: 0, ...end };
  } catch (error) {
    return { partition, errorCode: expectXylemError(error).kafka };
  }
}
