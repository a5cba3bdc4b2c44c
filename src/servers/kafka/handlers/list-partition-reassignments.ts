import { listReassignments } from "../../../broker/reassignment/list-reassignments.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

/** ListPartitionReassignments (key 46, KIP-455): the moves under way; null topics: all of them. */
export function listPartitionReassignments(
  { topics }: RequestOf<"ListPartitionReassignments">,
  { broker }: RequestContext,
): ResponseOf<"ListPartitionReassignments"> {
  const wanted = topics && new Map(topics.map((one) => [one.name, one.partitionIndexes]));
  const moving = listReassignments(broker, wanted ?? undefined);
  return {
    errorCode: 0,
    errorMessage: null,
    topics: moving.map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.map(({ partition, replicas, adding, removing }) => ({
        partitionIndex: partition,
        replicas,
        addingReplicas: adding,
        removingReplicas: removing,
      })),
    })),
  };
}
