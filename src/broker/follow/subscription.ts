import type { FollowedPartition } from "./followed-partition.ts";
import type { Following } from "./following.ts";
import type { RecordRun } from "./record-run.ts";

/** One partition that one reader follows. */
export class Subscription {
  readonly following: Following;
  readonly followed: FollowedPartition;
  /** Of the record that is read next. */
  position: number;
  /** Waits in the reader's queue: there may be something to read. */
  isReady = false;
  isOver = false;
  /** A part of it was taken, the rest comes next. */
  run: RecordRun | undefined;

  constructor(following: Following, followed: FollowedPartition, position: number) {
    this.following = following;
    this.followed = followed;
    this.position = position;
  }
}
