import { assert } from "../../../base/assert.ts";
import { XylemError, type ErrorCode } from "../../../base/errors.ts";
import { parseUuid } from "../../../base/uuid.ts";
import type { Assignment, ConsumerHeartbeat } from "../../../groups/consumer/consumer-events.ts";
import type {
  ConsumerGroup,
  ConsumerMemberDescription,
} from "../../../groups/consumer/consumer-group.ts";
import type { Broker } from "../../broker.ts";
import type { Topic } from "../../topics/topics.ts";
import { atCoordinator } from "./at-coordinator.ts";
import type { GroupCursor } from "./group-cursor.ts";

/** A member that fetches and acknowledges through the broker, which keeps its epoch for it. */
export interface PullMember {
  readonly group: string;
  readonly member: string;
  /** As DescribeGroups shows who it is. */
  readonly clientId: string;
  readonly clientHost: string;
}

/** A partition that a member may read. */
export interface OwnPartition {
  readonly topic: Topic;
  readonly topicId: string;
  readonly partition: number;
  /** The epoch in which it became the member's. */
  readonly sinceEpoch: number;
}

/** Silent members are out after the session timeout; who only acknowledges gets this long. */
const rebalanceTimeoutMs = 300_000;

/** How long a partition that goes to someone else waits for what was handed out of it. */
const handOverWaitMs = 10_000;

/** The member may have moved on between two of our turns. */
const attemptsMax = 5;

const nothing: Assignment = new Map();

export interface Kept {
  /** It was not in the group before. */
  readonly hasJoined: boolean;
  /** It may still join: once it was in the group, who has left does not want to be back. */
  readonly mayJoin: boolean;
}

/**
 * Joins the group, or keeps up with it: afterwards the member has what it may have now. What it
 * is to give up goes at once, but for partitions of which `inHand` names records that are not
 * acknowledged: those wait a while. Throws UNKNOWN_MEMBER_ID where it may not join and has left, or
 * was taken for gone.
 */
export async function keepUp(
  broker: Broker,
  pull: PullMember,
  how: {
    readonly topics: readonly string[];
    readonly inHand: GroupCursor | undefined;
    readonly mayJoin: boolean;
  },
): Promise<Kept> {
  let { mayJoin } = how;
  let hasJoined = false;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const known = findMember(broker, pull);
    if (known === undefined) checkMayJoin(broker, pull, mayJoin);
    const held = known && heldBy(broker, pull, known.machine, how.inHand);
    const error = await beat(broker, pull, {
      memberEpoch: known?.member.epoch ?? 0,
      subscribedTopics: how.topics,
      rebalanceTimeoutMs,
      ownedPartitions: held ?? nothing,
    });
    if (error === null) {
      hasJoined ||= known === undefined;
      mayJoin = false;
      if (isSettled(broker, pull, how.inHand)) break;
    } else if (!isOvertaken(error)) throw refusal(pull, error);
    // It had joined, and its group was deleted before that was durable.
    else if (known === undefined && error === "UNKNOWN_MEMBER_ID") mayJoin = false;
  }
  return { hasJoined, mayJoin };
}

/** A sign of life that gives nothing up. Nobody hears of it when the member is gone. */
export async function stayAlive(broker: Broker, pull: PullMember): Promise<void> {
  const known = findMember(broker, pull);
  if (known !== undefined) await beat(broker, pull, { memberEpoch: known.member.epoch });
}

/** Gives everything up at once. Throws UNKNOWN_MEMBER_ID. */
export async function leaveGroup(broker: Broker, pull: PullMember): Promise<void> {
  const { group } = pull;
  const here = (): Promise<void> => leaveHere(broker, pull);
  const ask = { group, pull };
  await atCoordinator(broker, group, { use: "leave", ask, here, repeated: "UNKNOWN_MEMBER_ID" });
}

/** Of a group that this node coordinates. */
export async function leaveHere(broker: Broker, pull: PullMember): Promise<void> {
  if (findMember(broker, pull) === undefined) throw refusal(pull, "UNKNOWN_MEMBER_ID");
  const error = await beat(broker, pull, { memberEpoch: -1 });
  if (error !== null) throw refusal(pull, error);
}

export function findMember(
  { groups }: Broker,
  { group, member: memberId }: PullMember,
): { readonly machine: ConsumerGroup; readonly member: ConsumerMemberDescription } | undefined {
  const machine = groups.findConsumerGroup(group);
  const member = machine?.find(memberId);
  return machine === undefined || member === undefined ? undefined : { machine, member };
}

/** What the member may read now; topics that are no more are left out. */
export function ownPartitions(broker: Broker, pull: PullMember): readonly OwnPartition[] {
  const known = findMember(broker, pull);
  if (known === undefined) return [];
  const own: OwnPartition[] = [];
  for (const [topicId, partitions] of known.member.assigned) {
    const topic = broker.topics.findById(parseUuid(topicId));
    if (topic === undefined) continue;
    for (const partition of partitions) {
      if (topic.partitions[partition] === undefined) continue;
      const place = { topicId, partition };
      const sinceEpoch = known.machine.assignedEpoch(pull.member, place);
      assert(sinceEpoch !== undefined, `${topic.name}-${partition} has no epoch`);
      own.push({ topic, topicId, partition, sinceEpoch });
    }
  }
  return own;
}

/** An error in words that help who is told of it. */
export function refusal({ group, member }: PullMember, code: ErrorCode): XylemError {
  return new XylemError(code, detailOf(code, { group, member }));
}

function detailOf(code: ErrorCode, { group, member }: { group: string; member: string }): string {
  switch (code) {
    case "UNKNOWN_MEMBER_ID":
      return (
        `${member} is not in group ${group}, or not any more: fetch to join; ` +
        "what was not acknowledged comes again"
      );
    case "STALE_MEMBER_EPOCH":
      return (
        `${member} does not have all of these partitions of ${group} any more: ` +
        "their records come again to whoever has them"
      );
    case "INCONSISTENT_GROUP_PROTOCOL":
    case "GROUP_ID_NOT_FOUND":
      return (
        `members of group ${group} assign partitions among themselves (Kafka's classic ` +
        "protocol): use another group, or wait until they have left"
      );
    case "GROUP_MAX_SIZE_REACHED":
      return `group ${group} is full, or there are too many groups`;
    default:
      return `group ${group} can not serve ${member} now`;
  }
}

function checkMayJoin(broker: Broker, pull: PullMember, mayJoin: boolean): void {
  const { group } = pull;
  // Of a group that is another node's by now this one can not say who is in it.
  const isHere = broker.groups.refusal(group) === null;
  if (isHere && !mayJoin) throw refusal(pull, "UNKNOWN_MEMBER_ID");
  const found = broker.groups.describe(group);
  if (found === undefined || "error" in found || found.kind === "consumer") return;
  if (found.phase === "Empty") return;
  throw refusal(pull, "INCONSISTENT_GROUP_PROTOCOL");
}

async function beat(
  broker: Broker,
  { group, member, clientId, clientHost }: PullMember,
  asked: Pick<ConsumerHeartbeat, "memberEpoch"> & Partial<ConsumerHeartbeat>,
): Promise<ErrorCode | null> {
  const unchanged = {
    memberId: member,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: -1,
    subscribedTopics: null,
    serverAssignor: null,
    ownedPartitions: null,
  };
  const request = { ...unchanged, clientId, clientHost, ...asked };
  return (await broker.groups.consumerHeartbeat(group, request)).error;
}

/** Another call of the same member, or the clock, came between: look again. */
function isOvertaken(error: ErrorCode): boolean {
  return error === "FENCED_MEMBER_EPOCH" || error === "UNKNOWN_MEMBER_ID";
}

/** The member has nothing left that it could give up now. */
function isSettled(broker: Broker, pull: PullMember, inHand: GroupCursor | undefined): boolean {
  const known = findMember(broker, pull);
  if (known === undefined) return false;
  const pending = known.machine.pendingRevocation(pull.member).partitions;
  if (pending.size === 0) return true;
  const held = heldBy(broker, pull, known.machine, inHand);
  return [...pending].every(([topicId, some]) =>
    some.every((partition) => held.get(topicId)?.includes(partition) === true),
  );
}

/** What the member holds: what it may read, and what it is to give up but still has in hand. */
function heldBy(
  broker: Broker,
  pull: PullMember,
  machine: ConsumerGroup,
  inHand: GroupCursor | undefined,
): Assignment {
  const held = new Map(machine.find(pull.member)?.assigned ?? nothing);
  const { partitions, deadlineMs } = machine.pendingRevocation(pull.member);
  const sinceMs = deadlineMs - rebalanceTimeoutMs;
  const mayWait = broker.clock.monotonicMs() - sinceMs < handOverWaitMs;
  if (inHand === undefined || !mayWait) return held;
  for (const [topicId, some] of partitions) {
    const topic = broker.topics.findById(parseUuid(topicId))?.name;
    const kept = some.filter((partition) => isInHand(broker, pull, { inHand, topic, partition }));
    if (kept.length > 0) held.set(topicId, [...(held.get(topicId) ?? []), ...kept]);
  }
  return held;
}

function isInHand(
  broker: Broker,
  { group }: PullMember,
  {
    inHand,
    topic,
    partition,
  }: { inHand: GroupCursor; topic: string | undefined; partition: number },
): boolean {
  const position = inHand.positions.find(
    (one) => one.topic === topic && one.partition === partition,
  );
  if (position === undefined || topic === undefined) return false;
  const [committed] = broker.groups.fetchOffsets(group, [{ topic, partition }]).offsets;
  return position.offset > (committed?.offset ?? -1);
}
