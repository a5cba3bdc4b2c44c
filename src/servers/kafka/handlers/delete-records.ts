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
  const topics: Response["topics"][number][] = [];
  const { deadlines } = context.broker;
  const wait = { deadlines, timeoutMs: request.timeoutMs };
  for (const { name, partitions } of request.topics) {
    const topic = context.broker.topics.find(name);
    const answers: PartitionAnswer[] = [];
    for (const wanted of partitions) answers.push(await deleteFrom(topic, wanted, wait));
    topics.push({ name, partitions: answers });
  }
  return { topics };
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
