import { XylemError } from "../../../base/errors.ts";
import {
  electLeaders as elect,
  type ElectionKind,
} from "../../../broker/reassignment/elect-leaders.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"ElectLeaders">;
type Response = ResponseOf<"ElectLeaders">;

/** By Kafka's numbers; version 0 knows the first one alone. */
const kinds: readonly ElectionKind[] = ["preferred", "unclean"];

/**
 * ElectLeaders (key 43, KIP-460): preferred heads, or heads that may lack records. Of all
 * partitions (null) those are left out that need none.
 */
export async function electLeaders(
  { electionType, topicPartitions, timeoutMs }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const kind = kinds[electionType];
  if (kind === undefined) {
    throw new XylemError("INVALID_REQUEST", `election type ${electionType}: 0 and 1 are known`);
  }
  const partitions = topicPartitions && byTopic(topicPartitions);
  const elections = await elect(broker, { kind, partitions: partitions ?? undefined, timeoutMs });
  const topics = Map.groupBy(elections, ({ topic }) => topic);
  return {
    errorCode: 0,
    replicaElectionResults: [...topics].map(([topic, results]) => ({
      topic,
      partitionResult: results.map(({ partition, error }) => ({
        partitionId: partition,
        errorCode: error?.kafka ?? 0,
        errorMessage: error?.message ?? null,
      })),
    })),
  };
}

function byTopic(wanted: NonNullable<Request["topicPartitions"]>): Map<string, readonly number[]> {
  const partitions = new Map<string, readonly number[]>();
  for (const { topic, partitions: more } of wanted) {
    partitions.set(topic, [...(partitions.get(topic) ?? []), ...more]);
  }
  return partitions;
}
