import { checkLeaderEpoch, refuseAbsent } from "./leader-epoch.ts";
import type { PartitionLog } from "./partition/partition-log.ts";

export interface EpochQuery {
  readonly leaderEpoch: number;
  /** -1: not checked. */
  readonly currentLeaderEpoch: number;
}

/** Where the largest epoch up to the asked one ended; -1, -1 when there is none (KIP-279). */
export async function offsetForLeaderEpoch(
  partition: PartitionLog,
  query: EpochQuery,
): Promise<{ leaderEpoch: number; endOffset: number }> {
  refuseAbsent(partition, query.currentLeaderEpoch);
  await partition.load();
  checkLeaderEpoch(partition, query.currentLeaderEpoch);
  return partition.endOffsetForEpoch(query.leaderEpoch);
}
