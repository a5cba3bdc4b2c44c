import { XylemError } from "../../base/errors.ts";
import type { FollowedRecords } from "../../broker/follow/following.ts";
import { openFollowing } from "../../broker/follow/open-following.ts";
import type { Position } from "../../broker/records/position.ts";
import type { RecordFilter } from "../../broker/records/record-filter.ts";
import type { StoredRecord } from "../../broker/records/stored-record.ts";
import type { TopicScope } from "./topic.ts";

export interface FollowTopic {
  readonly topic: string;
  readonly partition: number | undefined;
  readonly from: Position;
  readonly filter: RecordFilter | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Taken at once; the first record comes whole. */
const slice = { records: 1_000, bytes: 1_048_576 };
const filteredBytesMax = 1_048_576;

/**
 * Records of a topic as they are committed, some at a time, partitions that are added later
 * included. Ends with the broker; throws the signal's reason, and whatever ends a partition. What
 * the log lost before it was read is OFFSET_OUT_OF_RANGE: nobody is to take a gap for the log.
 */
export async function* followTopic(
  scope: TopicScope,
  { topic, partition, from, filter, signal }: FollowTopic,
): AsyncGenerator<readonly StoredRecord[], void, undefined> {
  const ending = AbortSignal.any(signal ? [signal, scope.closing] : [scope.closing]);
  const following = await openFollowing(scope, {
    wishes: [{ topic, partition }],
    from,
    filter,
    sizeBytesMax: filteredBytesMax,
    partitionsMax: Infinity,
    tooMany: "",
  });
  try {
    for (;;) {
      await scope.turn.share();
      const followed = await following.next(slice, ending);
      if (followed === undefined) break;
      refuseNews(followed);
      yield followed.records;
    }
  } finally {
    following.close();
  }
  signal?.throwIfAborted();
}

function refuseNews({ ended: [end], moved: [move] }: FollowedRecords): void {
  if (end !== undefined) throw end.error;
  if (move === undefined) return;
  const { topic, partition, from, to } = move;
  const detail = `${topic}-${partition} begins at ${to}: ${from} was gone before it was read`;
  throw new XylemError("OFFSET_OUT_OF_RANGE", detail);
}
