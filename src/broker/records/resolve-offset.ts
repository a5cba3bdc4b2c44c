import type { Broker } from "../broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { type Position, resolvePosition } from "./position.ts";

/** Where a position is, and what the node that leads the partition says of its log. */
export interface ResolvedOffset {
  readonly offset: number;
  readonly logStart: number;
  readonly committed: number;
  readonly lastStable: number;
  readonly end: number;
  /** False at a new head: `committed` and `lastStable` may be behind what others have seen. */
  readonly isLatestKnown: boolean;
}

/** A partition of a topic, wherever it is led. */
export interface TopicPartition {
  readonly topic: Topic;
  readonly log: PartitionLog;
}

/**
 * The offset that a position stands for, as the node says that leads the partition. Throws
 * OFFSET_NOT_AVAILABLE for what counts from an end that a new head does not know, and as `load`.
 */
export async function resolveOffset(
  broker: Broker,
  place: TopicPartition,
  position: Position,
): Promise<ResolvedOffset> {
  const { forwarding } = broker;
  if (forwarding === undefined) return await resolveHere(place.log, position);
  return await forwarding.resolve(broker, place, position);
}

/** Of a partition that this node leads. */
export async function resolveHere(log: PartitionLog, position: Position): Promise<ResolvedOffset> {
  await log.load("facts");
  const offset = await resolvePosition(log, position);
  const { logStart, committed, lastStable, end, knowsLatest = true } = log;
  return { offset, logStart, committed, lastStable, end, isLatestKnown: knowsLatest };
}
