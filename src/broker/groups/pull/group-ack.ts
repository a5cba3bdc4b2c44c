import { XylemError } from "../../../base/errors.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import { formatUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../broker.ts";
import { outOfRange } from "../../partition/refusals.ts";
import { findPartition, findTopic } from "../../records/find-partition.ts";
import { resolveOffset } from "../../records/resolve-offset.ts";
import { commitOffsets } from "../commit-offsets.ts";
import { atCoordinator } from "./at-coordinator.ts";
import { parseGroupCursor, type GroupCursor, type GroupPosition } from "./group-cursor.ts";
import { findMember, refusal, stayAlive, type PullMember } from "./pull-member.ts";

/** Partitions led elsewhere whose ends are asked for at a time. */
const askingMax = 16;

/** What a member says it has done with: all up to a cursor, or below single offsets. */
export type Acknowledged =
  | { readonly cursor: string }
  | {
      readonly offsets: readonly GroupPosition[];
      /** That of the fetch; absent: the member must have the partitions now. */
      readonly epoch?: number | undefined;
    };

/**
 * Commits exactly what is named, durably, all of it or nothing. Also a sign of life. Throws
 * UNKNOWN_MEMBER_ID for a member that is not in the group any more and STALE_MEMBER_EPOCH for
 * partitions that another one has got meanwhile: whoever has them gets the records again.
 */
export async function groupAck(
  broker: Broker,
  pull: PullMember,
  acknowledged: Acknowledged,
): Promise<GroupCursor> {
  const { group } = pull;
  const ask = { group, pull, acknowledged };
  const here = (): Promise<GroupCursor> => ackHere(broker, pull, acknowledged);
  return await atCoordinator(broker, group, { use: "ack", ask, here });
}

/** Of a group that this node coordinates. */
export async function ackHere(
  broker: Broker,
  pull: PullMember,
  acknowledged: Acknowledged,
): Promise<GroupCursor> {
  const known = findMember(broker, pull);
  if (known === undefined) throw refusal(pull, "UNKNOWN_MEMBER_ID");
  const { epoch: named, positions } = namedIn(acknowledged);
  await inParallel(positions, askingMax, (position) => checkPosition(broker, position));
  const epoch = named ?? epochNow(broker, pull, positions);
  if (positions.length > 0) await commitAs(broker, pull, { epoch, positions });
  await stayAlive(broker, pull);
  return { epoch, positions };
}

/** Commits as the member that it was in `cursor.epoch`. Throws as `groupAck`. */
export async function commitAs(
  broker: Broker,
  pull: PullMember,
  { epoch: generation, positions }: GroupCursor,
): Promise<void> {
  const errors = await commitOffsets(broker, pull.group, {
    committer: { memberId: pull.member, instanceId: null, generation },
    offsets: positions.map(({ topic, partition, offset }) => ({
      topic: { name: topic },
      partition,
      offset,
      leaderEpoch: -1,
      metadata: null,
    })),
    retentionMs: null,
    unknownGroup: "UNKNOWN_MEMBER_ID",
  });
  const error = errors.find((one) => one !== null);
  if (error !== undefined && error !== null) throw refusal(pull, error);
}

function namedIn(acknowledged: Acknowledged): {
  readonly epoch?: number | undefined;
  readonly positions: readonly GroupPosition[];
} {
  if ("cursor" in acknowledged) return parseGroupCursor(acknowledged.cursor);
  return { epoch: acknowledged.epoch, positions: acknowledged.offsets };
}

/** Throws STALE_MEMBER_EPOCH unless all of it is the member's now. */
function epochNow(broker: Broker, pull: PullMember, positions: readonly GroupPosition[]): number {
  const known = findMember(broker, pull);
  if (known === undefined) throw refusal(pull, "UNKNOWN_MEMBER_ID");
  const { assigned } = known.member;
  const pending = known.machine.pendingRevocation(pull.member).partitions;
  const isOwn = ({ topic, partition }: GroupPosition): boolean => {
    const topicId = formatUuid(findTopic(broker, topic).id);
    return [assigned, pending].some((some) => some.get(topicId)?.includes(partition) === true);
  };
  if (!positions.every(isOwn)) throw refusal(pull, "STALE_MEMBER_EPOCH");
  return known.member.epoch;
}

async function checkPosition(
  broker: Broker,
  { topic, partition, offset }: GroupPosition,
): Promise<void> {
  const found = findTopic(broker, topic);
  const log = findPartition(found, partition);
  if (offset < 0) throw new XylemError("INVALID_REQUEST", `${offset} is no offset`);
  // What a replica has the head has too.
  if (offset <= (log.follower?.end ?? -1)) return;
  const { end, logStart } = await resolveOffset(broker, { topic: found, log }, offset);
  if (offset > end) throw outOfRange({ topic, index: partition, logStart, end }, offset);
}
