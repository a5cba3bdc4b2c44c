import { XylemError } from "../../base/errors.ts";
import type { Broker } from "../broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";

/** Throws UNKNOWN_TOPIC_OR_PARTITION. */
export function findTopic(broker: Pick<Broker, "topics">, name: string): Topic {
  const topic = broker.topics.find(name);
  if (topic !== undefined) return topic;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
}

/** Throws UNKNOWN_TOPIC_OR_PARTITION. */
export function findPartition(topic: Topic, index: number): PartitionLog {
  const partition = topic.partitions[index];
  if (partition !== undefined) return partition;
  const count = topic.partitions.length;
  const detail = `${topic.name} has partitions 0 to ${count - 1}, asked for ${index}`;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", detail);
}
