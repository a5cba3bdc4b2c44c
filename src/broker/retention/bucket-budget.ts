import { type BudgetedLog, planBudget } from "../../log/budget-plan.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/live-topic.ts";

/** A partition of a bucket, and the offset that it is to begin at. */
export interface Trim {
  readonly partition: PartitionLog;
  readonly logStart: number;
}

/**
 * What is to go so that the topics of a bucket keep at most `sizeBytesMax` together. Topics that do
 * not delete by age and size count, and keep what they have.
 */
export async function planTrims(topics: readonly Topic[], sizeBytesMax: number): Promise<Trim[]> {
  const sizes: number[] = [];
  for (const topic of topics) sizes.push(await sizeOf(topic));
  if (sizes.reduce((sum, size) => sum + size, 0) <= sizeBytesMax) return [];
  const shareBytes = sizeBytesMax / topics.length;
  const streams = [];
  for (const [at, topic] of topics.entries()) {
    const deletes = topic.settings["cleanup.policy"].includes("delete");
    const gives = deletes && (sizes[at] ?? 0) > shareBytes;
    const logs: BudgetedLog[] = [];
    for (const partition of topic.partitions) logs.push(await look(partition, gives));
    streams.push({ topic, logs });
  }
  const plan = planBudget(streams, sizeBytesMax);
  return streams.flatMap(({ topic, logs }, at) =>
    topic.partitions.flatMap((partition, index) => {
      const count = plan[at]?.[index] ?? 0;
      const last = logs[index]?.closed[count - 1];
      return last === undefined ? [] : [{ partition, logStart: last.endOffset }];
    }),
  );
}

/** A log that can not be asked counts by what is known of it. */
async function sizeOf({ partitions }: Topic): Promise<number> {
  let sum = 0;
  for (const partition of partitions) {
    await partition.load("facts")?.catch(() => undefined);
    sum += partition.sizeBytes;
  }
  return sum;
}

/** A log that gives nothing is not opened for it. */
async function look(partition: PartitionLog, gives: boolean): Promise<BudgetedLog> {
  const isAsked = gives && partition.stopped === undefined;
  const segments = isAsked ? await partition.retained().catch(() => []) : [];
  // Of a log that was shut these are known for sure only now.
  const { sizeBytes, committed } = partition;
  return { closed: segments.slice(0, -1), sizeBytes, committed };
}
