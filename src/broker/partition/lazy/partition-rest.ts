import type { PartitionFacts } from "../../../log/partition-facts.ts";
import { upkeepRulesSum } from "../../../log/upkeep-due.ts";
import { Holds } from "./holds.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import type { PartitionProgress } from "../partition-progress.ts";
import type { PartitionUpkeep } from "../partition-upkeep.ts";
import type { PartitionWriter } from "../append/partition-writer.ts";
import type { Partition } from "../partition.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";

interface RestParts {
  readonly segments: SegmentList;
  readonly folder: PartitionFolder;
  readonly progress: PartitionProgress;
  readonly upkeep: PartitionUpkeep;
  readonly writer: PartitionWriter;
  /** The files are as a close in order left them. */
  readonly isClean: boolean;
}

/** Whether an open partition may be shut, and what is known of it then. */
export class PartitionRest {
  /** Work during which it is not shut. */
  readonly holds = new Holds();
  readonly #partition: Partition;
  readonly #parts: RestParts;
  readonly #end: number;
  readonly #logStart: number;
  readonly #last: Segment | undefined;

  constructor(partition: Partition, parts: RestParts) {
    this.#partition = partition;
    this.#parts = parts;
    this.#end = partition.end;
    this.#logStart = partition.logStart;
    this.#last = parts.segments.last;
  }

  get hasFiles(): boolean {
    return this.#parts.folder.exists;
  }

  get mayHaveGaps(): boolean {
    return !this.#parts.segments.isDense;
  }

  /** Somebody waits for the partition, or works on it. */
  get isBusy(): boolean {
    const { progress, writer } = this.#parts;
    const { committed, lastStable, compaction } = this.#partition;
    const isWorkedOn = this.holds.count > 0 || compaction.isRunning || writer.isBusy;
    return isWorkedOn || progress.isWatched || lastStable < committed;
  }

  /** The files are still as a close in order left them. */
  get isAsLoaded(): boolean {
    const { segments, folder, isClean } = this.#parts;
    const { end, logStart } = this.#partition;
    const isSame = end === this.#end && logStart === this.#logStart;
    return isClean && isSame && segments.last === this.#last && !folder.hasNews;
  }

  /** What the partition is known by while its files are shut. */
  async describe(nowMs: number): Promise<PartitionFacts> {
    const { logStart, end, committed, leaderEpoch, sizeBytes, settings } = this.#partition;
    const bounds = { logStart, committed, nowMs };
    const dueMs = await this.#parts.upkeep.dueMs(settings, bounds);
    const logStartEpoch = this.#partition.epochAt(logStart);
    const offsets = { logStart, end, leaderEpoch, logStartEpoch };
    return { ...offsets, sizeBytes, upkeepDueMs: dueMs, rulesSum: upkeepRulesSum(settings) };
  }
}
