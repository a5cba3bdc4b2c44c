import { XylemError } from "../../base/errors.ts";
import { BatchWalk } from "../../log/batch-walk.ts";
import { checkLeaderEpoch, refuseAbsent } from "../leader-epoch.ts";
import { after } from "../partition/after.ts";
import type { PartitionLog, ReadResult } from "../partition/partition-log.ts";
import { nothingRead } from "../partition/read/partition-reader.ts";
import type { Topics } from "../topics/topics.ts";
import type { FetchBudget } from "./fetch-budget.ts";
import type { FetchPartition } from "./fetch-partition.ts";

export interface PassLimits {
  readonly sizeBytesMax: number;
  readonly readCommitted: boolean;
  readonly budget: FetchBudget | undefined;
  readonly prefer?: ((wanted: FetchPartition) => number) | undefined;
}

/**
 * Reads from each partition in order, until the answer is full (semantics.md 3, How much).
 * Waits only where a partition must go to the disk.
 */
export class FetchPass {
  /** Bytes found so far. */
  sizeBytes = 0;
  /** An error or a diverging epoch was found: the answer goes out at once. */
  isUrgent = false;
  #claimedBytes = 0;
  readonly #topics: Topics;
  readonly #partitions: readonly FetchPartition[];
  readonly #limits: PassLimits;

  constructor(topics: Topics, partitions: readonly FetchPartition[], limits: PassLimits) {
    this.#topics = topics;
    this.#partitions = partitions;
    this.#limits = limits;
  }

  /** The records go, or are counted elsewhere from here on. Twice is harmless. */
  release(): void {
    this.#limits.budget?.change(-this.#claimedBytes);
    this.#claimedBytes = 0;
  }

  /** Undefined: done. */
  run(): Promise<void> | undefined {
    const loading = this.#load();
    return loading === undefined ? this.#runFrom(0) : loading.then(() => this.#runFrom(0));
  }

  /** Opens, side by side, what is shut; one that does not open says so when its turn comes. */
  #load(): Promise<unknown> | undefined {
    let loads: Promise<void>[] | undefined;
    for (const { log } of this.#partitions) {
      const loading = log?.load();
      if (loading !== undefined) (loads ??= []).push(loading);
    }
    return loads && Promise.allSettled(loads);
  }

  #runFrom(from: number): Promise<void> | undefined {
    for (let at = from; at < this.#partitions.length; at++) {
      const reading = this.#visit(this.#partitions[at] as FetchPartition);
      if (reading !== undefined) return reading.then(() => this.#runFrom(at + 1));
    }
    return undefined;
  }

  #visit(wanted: FetchPartition): Promise<void> | undefined {
    wanted.clear();
    const { log } = wanted;
    try {
      if (log !== undefined) refuseAbsent(log, wanted.currentLeaderEpoch);
      const loading = log?.load();
      if (loading !== undefined) return this.#visitOpened(wanted, loading);
      const result = this.#read(wanted);
      if (result === undefined) return undefined;
      if (result instanceof Promise) return this.#await(wanted, result, this.#boundOf(wanted));
      this.#take(wanted, result);
    } catch (error) {
      this.#fail(wanted, error);
    }
    return undefined;
  }

  async #visitOpened(wanted: FetchPartition, loading: Promise<void>): Promise<void> {
    try {
      await loading;
    } catch (error) {
      return this.#fail(wanted, error);
    }
    await this.#visit(wanted);
  }

  /** Meanwhile others find less room: reads that go on side by side share the budget too. */
  async #await(
    wanted: FetchPartition,
    reading: Promise<ReadResult>,
    bytesMax: number,
  ): Promise<void> {
    const { budget } = this.#limits;
    budget?.change(bytesMax);
    try {
      const result = await reading;
      budget?.change(-bytesMax);
      this.#take(wanted, result);
    } catch (error) {
      budget?.change(-bytesMax);
      this.#fail(wanted, error);
    }
  }

  #read(wanted: FetchPartition): ReadResult | Promise<ReadResult> | undefined {
    const partition = findLog(this.#topics, wanted);
    const log = wanted.log ?? partition;
    const isFollower = log !== partition;
    // At its end nothing would be read that could say so.
    if (log.stopped !== undefined) throw log.stopped;
    checkLeaderEpoch(log, wanted.currentLeaderEpoch);
    wanted.highWatermark = log.committed;
    wanted.lastStable = log.lastStable;
    wanted.logStart = log.logStart;
    if (this.#diverges(log, wanted, isFollower)) return undefined;
    checkRange(log, wanted.fetchOffset, isFollower);
    if (!isFollower && this.#isBetterRead(wanted)) return undefined;
    const upTo = this.#limits.readCommitted ? log.lastStable : log.committed;
    if (wanted.fetchOffset >= upTo) return undefined;
    const wholeFirst = this.sizeBytes === 0;
    if (this.#leftBytes <= 0 && !wholeFirst) return undefined;
    const sizeBytesMax = this.#boundOf(wanted);
    const replacements = log.compaction?.replacementCount;
    const reading = log.read(wanted.fetchOffset, { sizeBytesMax, wholeFirst, upTo });
    if (!this.#limits.readCommitted) return reading;
    return after(reading, (result) =>
      after(findAborted(log, wanted, result), () => {
        if (log.compaction?.replacementCount === replacements) return result;
        // What was read may hold aborted records that are gone by now, and named no more.
        result.lease?.release();
        return this.#read(wanted) ?? nothingRead;
      }),
    );
  }

  get #leftBytes(): number {
    const { budget, sizeBytesMax } = this.#limits;
    return Math.min(sizeBytesMax - this.sizeBytes, budget?.roomBytes ?? Infinity);
  }

  #boundOf(wanted: FetchPartition): number {
    return Math.max(0, Math.min(wanted.sizeBytesMax, this.#leftBytes));
  }

  /** Whether the reader is sent to another node. */
  #isBetterRead(wanted: FetchPartition): boolean {
    wanted.preferredReplica = this.#limits.prefer?.(wanted) ?? -1;
    this.isUrgent ||= wanted.preferredReplica >= 0;
    return wanted.preferredReplica >= 0;
  }

  #diverges(log: PartitionLog, wanted: FetchPartition, isFollower: boolean): boolean {
    const { lastFetchedEpoch, fetchOffset } = wanted;
    if (lastFetchedEpoch < 0) return false;
    const ours = log.endOffsetForEpoch(lastFetchedEpoch);
    // Where its log ends so far says nothing of the chain's.
    if (isFollower && (ours.endOffset < 0 || ours.endOffset >= log.end)) return false;
    if (ours.endOffset < 0) {
      throw new XylemError("OFFSET_OUT_OF_RANGE", `leader epoch ${lastFetchedEpoch} is not known`);
    }
    if (ours.leaderEpoch >= lastFetchedEpoch && ours.endOffset >= fetchOffset) return false;
    wanted.divergingEpoch = { epoch: ours.leaderEpoch, endOffset: ours.endOffset };
    this.isUrgent = true;
    return true;
  }

  #take(wanted: FetchPartition, result: ReadResult): void {
    wanted.take(result);
    this.sizeBytes += result.sizeBytes;
    this.#claimedBytes += result.sizeBytes;
    this.#limits.budget?.change(result.sizeBytes);
  }

  #fail(wanted: FetchPartition, error: unknown): void {
    if (!(error instanceof XylemError)) throw error;
    wanted.fail(error);
    this.isUrgent = true;
  }
}

/** What is past its end a follower does not know yet, and a new head may not. */
function checkRange(log: PartitionLog, offset: number, isFollower: boolean): void {
  const { logStart, end } = log;
  const isPast = offset > end;
  if (offset >= logStart && (!isPast || isFollower)) return;
  throw new XylemError(
    isPast && log.knowsLatest === false ? "OFFSET_NOT_AVAILABLE" : "OFFSET_OUT_OF_RANGE",
    `offset ${offset} is not within ${logStart} to ${end}`,
  );
}

/** Looks up what the reader is to drop of the records that were read. */
function findAborted(
  log: PartitionLog,
  wanted: FetchPartition,
  result: ReadResult,
): void | Promise<void> {
  const last = lastOffsetOf(result.chunks);
  if (last === undefined) return;
  return after(log.abortedTransactions(wanted.fetchOffset, last + 1), (aborted) => {
    // The files that named them may have gone meanwhile, with the records that were read.
    if (wanted.fetchOffset < log.logStart) {
      throw new XylemError("OFFSET_OUT_OF_RANGE", `the log begins at ${log.logStart}`);
    }
    wanted.aborted = aborted;
  });
}

function lastOffsetOf(chunks: readonly Uint8Array[]): number | undefined {
  const chunk = chunks.at(-1);
  if (chunk === undefined) return undefined;
  const walk = new BatchWalk(chunk, 0, 0);
  while (walk.look() === "batch") walk.advance();
  return walk.lastOffset;
}

/** The partition's log, if its topic still is the one that the door found. */
export function findLog(topics: Topics, wanted: FetchPartition): PartitionLog {
  const { topic, index } = wanted;
  // A deleted topic stays deleted: one of the same name that comes later is another.
  if (topic !== undefined && topics.find(topic.name) !== topic) wanted.topic = undefined;
  const log = wanted.topic?.partitions[index];
  if (log !== undefined) return log;
  const name = wanted.topic === undefined ? "no such topic" : `no ${wanted.topic.name}-${index}`;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", name);
}
