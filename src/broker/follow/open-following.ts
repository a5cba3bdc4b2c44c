import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import { findPartition, findTopic } from "../records/find-partition.ts";
import type { Position } from "../records/position.ts";
import { resolveOffset, type TopicPartition } from "../records/resolve-offset.ts";
import type { RecordScope } from "../records/stored-record.ts";
import type { Topic } from "../topics/topics.ts";
import { CursorPositions } from "./cursor.ts";
import { catchUp } from "./catch-up.ts";
import { Following, type FollowOptions } from "./following.ts";

/** A topic, or one of its partitions, to be followed. */
export interface FollowWish {
  readonly topic: string;
  /** Absent: all of them, later ones too. */
  readonly partition?: number | undefined;
  /** Absent: where the reader wants to begin with all of them. */
  readonly position?: Position | undefined;
}

export interface FollowAsk extends FollowOptions {
  readonly wishes: readonly FollowWish[];
  /** For wishes without a position of their own. */
  readonly from: Position;
  /**
   * Where an earlier reader of the same topics was. It counts before all positions; what it does
   * not know was made since, and is read from its beginning.
   */
  readonly cursor?: string | undefined;
  /** Throws INVALID_REQUEST, with `tooMany` as its text, past that. */
  readonly partitionsMax: number;
  readonly tooMany: string;
  /** All that was acknowledged before is to be seen; else what this node knows of is enough. */
  readonly isFresh?: boolean;
}

/** Partitions whose positions are asked for at a time. */
const resolvingMax = 32;

/**
 * A live reader of what is wished for; close it. Throws UNKNOWN_TOPIC_OR_PARTITION (no read makes a
 * topic), INVALID_REQUEST, and THROTTLING_QUOTA_EXCEEDED past `live.readers.max`.
 */
export async function openFollowing(scope: RecordScope, ask: FollowAsk): Promise<Following> {
  const following = new Following(scope, ask);
  try {
    await follow(scope, following, ask);
    if (ask.isFresh === true) await catchUp(scope.broker, following.sights);
  } catch (error) {
    following.close();
    throw error;
  }
  return following;
}

/** Adds to a live reader what is wished for; if that throws, some of it may be followed. */
async function follow(scope: RecordScope, following: Following, ask: FollowAsk): Promise<void> {
  const cursor = ask.cursor === undefined ? undefined : new CursorPositions(ask.cursor);
  checkCount(scope, ask);
  for (const wish of ask.wishes) {
    const topic = findTopic(scope.broker, wish.topic);
    const positions = cursor?.find(topic.id);
    const start = cursor === undefined ? (wish.position ?? ask.from) : "earliest";
    if (wish.partition === undefined) {
      const offsets = await offsetsOf(scope, topic, { positions, start });
      checkSame(scope, topic);
      following.subscribeTopic(topic.name, offsets);
    } else {
      const log = findPartition(topic, wish.partition);
      const known = positions?.get(log.index);
      const offset = known ?? (await offsetOf(scope, { topic, log }, start));
      checkSame(scope, topic);
      following.subscribe({ topic: topic.name, partition: log.index, offset });
    }
  }
}

/** Offsets of a topic that was deleted meanwhile say nothing of one with the same name. */
function checkSame({ broker }: RecordScope, topic: Topic): void {
  if (findTopic(broker, topic.name) === topic) return;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `${topic.name} was deleted`);
}

function checkCount({ broker }: RecordScope, { wishes, partitionsMax, tooMany }: FollowAsk): void {
  let count = 0;
  for (const { topic, partition } of wishes) {
    count += partition === undefined ? findTopic(broker, topic).partitions.length : 1;
  }
  if (count <= partitionsMax) return;
  const detail = `${count} partitions are more than ${partitionsMax}; ${tooMany}`;
  throw new XylemError("INVALID_REQUEST", detail);
}

async function offsetsOf(
  scope: RecordScope,
  topic: Topic,
  { positions, start }: { positions: ReadonlyMap<number, number> | undefined; start: Position },
): Promise<ReadonlyMap<number, number>> {
  const offsets = new Map(positions);
  const unknown = topic.partitions.filter(({ index }) => !offsets.has(index));
  await inParallel(unknown, resolvingMax, async (log) =>
    offsets.set(log.index, await offsetOf(scope, { topic, log }, start)),
  );
  return offsets;
}

async function offsetOf(
  { broker }: RecordScope,
  place: TopicPartition,
  start: Position,
): Promise<number> {
  if (typeof start === "number") return start;
  return (await resolveOffset(broker, place, start)).offset;
}
