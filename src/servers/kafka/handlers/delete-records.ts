import { kafkaCode } from "../../../base/errors.ts";
import {
  type DeletionWait,
  deleteRecords as deleteBefore,
} from "../../../broker/delete-records.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DeleteRecords">;
type Response = ResponseOf<"DeleteRecords">;
type WantedPartition = Request["topics"][number]["partitions"][number];
type PartitionAnswer = Response["topics"][number]["partitions"][number];

/** DeleteRecords (key 21): moves log starts up; durable, on all replicas, when answered. */
export async function deleteRecords(request: Request, context: RequestContext): Promise<Response> {
  const { deadlines } = context.broker;
  const wait = { deadlines, timeoutMs: request.timeoutMs };
  // Side by side: each has the whole time.
  const topics = request.topics.map(async ({ name, partitions }) => {
    const topic = context.broker.topics.find(name);
    const answers = partitions.map((wanted) => deleteFrom(topic, wanted, wait));
    return { name, partitions: await Promise.all(answers) };
  });
  return { topics: await Promise.all(topics) };
}

async function deleteFrom(
  topic: Topic | undefined,
  { partitionIndex, offset }: WantedPartition,
  wait: DeletionWait,
): Promise<PartitionAnswer> {
  const failed = (errorCode: number): PartitionAnswer => ({
    partitionIndex,
    lowWatermark: -1,
    errorCode,
  });
  const partition = topic?.partitions[partitionIndex];
  if (topic === undefined || partition === undefined) {
    return failed(kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"));
  }
  if (typeof offset === "bigint") return failed(kafkaCode("OFFSET_OUT_OF_RANGE"));
  try {
    const lowWatermark = await deleteBefore(topic, partition, offset, wait);
    return { partitionIndex, lowWatermark, errorCode: 0 };
  } catch (error) {
    return failed(expectXylemError(error).kafka);
  }
}
