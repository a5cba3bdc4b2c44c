import { XylemError } from "../base/errors.ts";
import { checkLatest } from "./latest-known.ts";
import { checkLeaderEpoch, refuseAbsent } from "./leader-epoch.ts";
import type { PartitionLog, TimestampedOffset } from "./partition/partition-log.ts";

/** What may be asked for in place of a time (semantics.md 4). */
export const offsetTimes = {
  latest: -1,
  earliest: -2,
  maxTimestamp: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const;

export interface OffsetQuery {
  /** Milliseconds since 1970, or one of `offsetTimes`. */
  readonly timestampMs: number;
  readonly readCommitted: boolean;
  /** -1: not checked. */
  readonly currentLeaderEpoch: number;
}

/** Not found is no error: offset, time and epoch are all -1. */
const notFound: TimestampedOffset = { offset: -1, timestampMs: -1, leaderEpoch: -1 };

/** The offset that a time, or a special value, stands for. Throws on an unknown special value. */
export async function listOffset(
  partition: PartitionLog,
  query: OffsetQuery,
): Promise<TimestampedOffset> {
  refuseAbsent(partition, query.currentLeaderEpoch);
  await partition.load("facts");
  checkLeaderEpoch(partition, query.currentLeaderEpoch);
  const upTo = query.readCommitted ? partition.lastStable : partition.committed;
  switch (query.timestampMs) {
    case offsetTimes.latest:
      checkLatest(partition);
      return { offset: upTo, timestampMs: -1, leaderEpoch: partition.leaderEpoch };
    case offsetTimes.earliest:
    case offsetTimes.earliestLocal:
      return startOf(partition);
    case offsetTimes.maxTimestamp:
      return visible(await partition.findMaxTimestamp(), upTo);
    case offsetTimes.latestTiered:
    case offsetTimes.earliestPendingUpload:
      return notFound;
    default:
      if (query.timestampMs < 0) {
        throw new XylemError("UNSUPPORTED_VERSION", `no special time ${query.timestampMs}`);
      }
      return latestKnown(
        partition,
        visible(await partition.findByTimestamp(query.timestampMs, upTo), upTo),
      );
  }
}

/** Nothing found may mean that it is not known yet to be committed. */
function latestKnown(partition: PartitionLog, found: TimestampedOffset): TimestampedOffset {
  if (found === notFound) checkLatest(partition);
  return found;
}

function startOf(partition: PartitionLog): TimestampedOffset {
  const { logStart } = partition;
  return { offset: logStart, timestampMs: -1, leaderEpoch: partition.epochAt(logStart) };
}

function visible(found: TimestampedOffset | undefined, upTo: number): TimestampedOffset {
  return found === undefined || found.offset >= upTo ? notFound : found;
}
