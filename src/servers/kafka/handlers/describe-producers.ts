import { kafkaCode } from "../../../base/errors.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DescribeProducers">;
type Response = ResponseOf<"DescribeProducers">;
type PartitionAnswer = Response["topics"][number]["partitions"][number];

/** DescribeProducers (key 61): the idempotent producers that each partition remembers (KIP-664). */
export async function describeProducers(
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const topics: Response["topics"][number][] = [];
  for (const { name, partitionIndexes } of request.topics) {
    const topic = context.broker.topics.find(name);
    const partitions = await Promise.all(partitionIndexes.map((index) => describe(topic, index)));
    topics.push({ name, partitions });
  }
  return { topics };
}

async function describe(
  topic: Topic | undefined,
  partitionIndex: number,
): Promise<PartitionAnswer> {
  const partition = topic?.partitions[partitionIndex];
  if (partition === undefined) {
    const errorCode = kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
    return { partitionIndex, errorCode, errorMessage: "no such partition", activeProducers: [] };
  }
  try {
    await partition.load();
  } catch (error) {
    const { kafka: errorCode, message: errorMessage } = expectXylemError(error);
    return { partitionIndex, errorCode, errorMessage, activeProducers: [] };
  }
  const activeProducers = [...partition.producers()].map((producer) => ({
    producerId: producer.producerId,
    producerEpoch: producer.epoch,
    lastSequence: producer.batches.at(-1)?.lastSequence ?? -1,
    lastTimestamp: producer.timestampMs,
    coordinatorEpoch: producer.coordinatorEpoch,
    currentTxnStartOffset: producer.currentTxnFirstOffset,
  }));
  return { partitionIndex, errorCode: 0, activeProducers };
}
