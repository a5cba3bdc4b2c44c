import { XylemError, type ErrorCode } from "../../../base/errors.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import type { Broker } from "../../broker.ts";
import { isMoved, isUnready } from "../../forwarding/moved.ts";
import { outOfRange } from "../../partition/refusals.ts";
import { findPartition, findTopic } from "../../records/find-partition.ts";
import type { Position } from "../../records/position.ts";
import { resolveOffset } from "../../records/resolve-offset.ts";
import { commitOffsets } from "../commit-offsets.ts";
import { atCoordinator } from "./at-coordinator.ts";
import { noGroup } from "../describe-group.ts";
import { fetchOffsets } from "../fetch-offsets.ts";

/** How far a group is in one partition. */
export interface GroupProgress {
  readonly topic: string;
  readonly partition: number;
  /** The next offset: everything below it is acknowledged. */
  readonly offset: number;
  /** Of the partition; null: it is no more, or nobody leads it now. */
  readonly end: number | null;
  readonly lag: number | null;
  readonly metadata: string;
}

/** Where a group shall go on. */
export interface WantedPosition {
  readonly topic: string;
  /** Absent: in all partitions. */
  readonly partition?: number | undefined;
  readonly position: Position;
}

/** Which positions are forgotten; absent: all of them. */
export interface ForgottenPositions {
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
}

/** Partitions whose ends are asked for at a time. */
const lookingMax = 16;

const nobody = { memberId: "", instanceId: null, generation: -1 };

/** How far a group of either kind is, by topic and partition. Throws GROUP_ID_NOT_FOUND. */
export async function groupPositions(
  broker: Broker,
  group: string,
): Promise<readonly GroupProgress[]> {
  const here = (): Promise<readonly GroupProgress[]> => positionsHere(broker, group);
  return await atCoordinator(broker, group, { use: "positions", ask: { group }, here });
}

/** Of a group that this node coordinates. */
export async function positionsHere(
  broker: Broker,
  group: string,
): Promise<readonly GroupProgress[]> {
  if (broker.groups.describe(group) === undefined) throw noGroup(group);
  const { error, offsets } = fetchOffsets(broker, group, null);
  if (error !== null) throw failed(group, error);
  const sorted = offsets.toSorted((one, other) =>
    one.topic === other.topic ? one.partition - other.partition : one.topic < other.topic ? -1 : 1,
  );
  return await inParallel(sorted, lookingMax, async (known) => {
    const { topic, partition, offset, metadata } = known;
    const end = await endOf(broker, known);
    const lag = end === null ? null : Math.max(0, end - offset);
    return { topic, partition, offset, end, lag, metadata };
  });
}

async function endOf(
  broker: Broker,
  { topic: name, partition }: { readonly topic: string; readonly partition: number },
): Promise<number | null> {
  const topic = broker.topics.find(name);
  const log = topic?.partitions[partition];
  if (topic === undefined || log === undefined) return null;
  try {
    return (await resolveOffset(broker, { topic, log }, "latest")).committed;
  } catch (error) {
    if (isMoved(error) || isUnready(error)) return null;
    throw error;
  }
}

/**
 * Moves a group that has no members; one that is not there is made. Throws NON_EMPTY_GROUP,
 * UNKNOWN_TOPIC_OR_PARTITION, and OFFSET_OUT_OF_RANGE for an offset that is not in the log.
 */
export async function resetGroup(
  broker: Broker,
  group: string,
  wanted: readonly WantedPosition[],
): Promise<void> {
  const here = (): Promise<void> => resetHere(broker, group, wanted);
  await atCoordinator(broker, group, { use: "reset", ask: { group, wanted }, here });
}

/** Of a group that this node coordinates. */
export async function resetHere(
  broker: Broker,
  group: string,
  wanted: readonly WantedPosition[],
): Promise<void> {
  const asked = wanted.flatMap(({ topic, partition, position }) => {
    const { partitions } = findTopic(broker, topic);
    const all = partition === undefined ? partitions.map(({ index }) => index) : [partition];
    return all.map((index) => ({ topic, partition: index, position }));
  });
  const offsets: Parameters<typeof commitOffsets>[2]["offsets"][number][] = [];
  for (const { topic, partition, position } of asked) {
    const found = findTopic(broker, topic);
    const place = { topic: found, log: findPartition(found, partition) };
    const { offset, logStart, end } = await resolveOffset(broker, place, position);
    if (offset < logStart || offset > end) {
      throw outOfRange({ topic, index: partition, logStart, end }, offset);
    }
    offsets.push({ topic: { name: topic }, partition, offset, leaderEpoch: -1, metadata: null });
  }
  const errors = await commitOffsets(broker, group, {
    committer: nobody,
    offsets,
    retentionMs: null,
    unknownGroup: "GROUP_ID_NOT_FOUND",
  });
  const error = errors.find((one) => one !== null);
  if (error !== undefined && error !== null) throw failed(group, error);
}

/** Forgets how far a group is. Throws GROUP_ID_NOT_FOUND, GROUP_SUBSCRIBED_TO_TOPIC. */
export async function forgetGroupPositions(
  broker: Broker,
  group: string,
  of: ForgottenPositions,
): Promise<void> {
  const here = (): Promise<void> => forgetHere(broker, group, of);
  const ask = { group, of };
  await atCoordinator(broker, group, { use: "forget", ask, here, repeated: "GROUP_ID_NOT_FOUND" });
}

/** Of a group that this node coordinates. */
export async function forgetHere(
  broker: Broker,
  group: string,
  of: ForgottenPositions,
): Promise<void> {
  const some = (await positionsHere(broker, group)).filter(
    ({ topic, partition }) =>
      topic === (of.topic ?? topic) && partition === (of.partition ?? partition),
  );
  const { error, errors } = await broker.groups.deleteOffsets(group, some);
  const first = error ?? errors.find((one) => one !== null) ?? null;
  if (first !== null) throw failed(group, first);
}

/** Deletes a group without members, with all its positions. */
export async function deleteGroup(broker: Broker, group: string): Promise<void> {
  const here = (): Promise<void> => deleteHere(broker, group);
  const ask = { group };
  await atCoordinator(broker, group, { use: "delete", ask, here, repeated: "GROUP_ID_NOT_FOUND" });
}

/** Of a group that this node coordinates. */
export async function deleteHere(broker: Broker, group: string): Promise<void> {
  const error = await broker.groups.delete(group);
  if (error === "GROUP_ID_NOT_FOUND") throw noGroup(group);
  if (error !== null) throw failed(group, error);
}

/** A commit for nobody is refused as that of a stranger where there are members. */
function failed(group: string, code: ErrorCode): XylemError {
  if (code === "UNKNOWN_MEMBER_ID" || code === "NON_EMPTY_GROUP") {
    return new XylemError("NON_EMPTY_GROUP", `group ${group} has members: it moves as they do`);
  }
  if (code === "GROUP_SUBSCRIBED_TO_TOPIC") {
    return new XylemError(code, `members of group ${group} read the topic`);
  }
  return new XylemError(code, `group ${group} can not be served now`);
}
