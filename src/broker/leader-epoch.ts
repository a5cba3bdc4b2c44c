import { XylemError } from "../base/errors.ts";
import type { PartitionLog } from "./partition/partition-log.ts";

/** Tells a client of a partition that is elsewhere so, or first that its epoch is another one. */
export function refuseAbsent(partition: PartitionLog, currentLeaderEpoch: number): void {
  if (partition.absence === undefined) return;
  checkLeaderEpoch(partition, currentLeaderEpoch);
  throw partition.absence;
}

/** Refuses a client that knows an older leader than this one, or a newer (KIP-320). -1: any. */
export function checkLeaderEpoch(partition: PartitionLog, currentLeaderEpoch: number): void {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === partition.leaderEpoch) return;
  const detail = `leader epoch ${currentLeaderEpoch}, here it is ${partition.leaderEpoch}`;
  if (currentLeaderEpoch < partition.leaderEpoch)
    throw new XylemError("FENCED_LEADER_EPOCH", detail);
  throw new XylemError("UNKNOWN_LEADER_EPOCH", detail);
}
