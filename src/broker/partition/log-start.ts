import { XylemError } from "../../base/errors.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { LeaderEpochs } from "../../log/leader-epochs.ts";
import type { PartitionContext } from "./partition-context.ts";
import type { PartitionFolder } from "./partition-folder.ts";
import type { PartitionUpkeep } from "./partition-upkeep.ts";

export interface LogStartParts {
  readonly context: PartitionContext;
  readonly folder: PartitionFolder;
  readonly epochs: LeaderEpochs;
  readonly upkeep: PartitionUpkeep;
  readonly onMoved: () => void;
}

/** The first offset that may be read. It only grows; files wholly below it go. */
export class LogStart {
  readonly #parts: LogStartParts;
  #offset: number;
  /** Where it is about to move, once that is durable. */
  readonly #targets = new Set<{ readonly offset: number }>();
  #isHeld = false;

  constructor(offset: number, parts: LogStartParts) {
    this.#offset = offset;
    this.#parts = parts;
  }

  get offset(): number {
    return this.#offset;
  }

  /**
   * What only the checkpoint can tell of it; undefined: the first segment's name does. That name is
   * durable with the first flush of what is in the segment.
   */
  untold(flushed: number): number | undefined {
    let offset = this.#offset;
    for (const target of this.#targets) offset = Math.max(offset, target.offset);
    const first = this.#parts.upkeep.firstOffset;
    const isTold = first !== undefined && offset <= first && first < flushed;
    return offset === 0 || isTold ? undefined : offset;
  }

  /**
   * DeleteRecords: moves it once that is durable, with -1 to `committed`. Past that it is
   * OFFSET_OUT_OF_RANGE; a full disk rejects with nothing moved.
   */
  async delete(offset: number, committed: number, settings: TopicSettings): Promise<void> {
    const target = offset === -1 ? committed : offset;
    if (target < 0 || target > committed) {
      const detail = `records can go up to ${committed}, asked for ${offset}`;
      throw new XylemError("OFFSET_OUT_OF_RANGE", detail);
    }
    // Retention may have moved it that far and not have found room to say so.
    if (this.#isHeld || !(await this.#store(target))) return;
    this.#advance(target);
    await this.#parts.upkeep.removeSegmentsBelow(this.#offset, settings);
  }

  /**
   * Retention. Where whole segments go, the files tell: a disk that has no room for the checkpoint
   * does not keep room from being made.
   */
  async moveTo(target: number, settings: TopicSettings): Promise<void> {
    const { upkeep } = this.#parts;
    if (this.#isHeld) return;
    if (target > this.#offset) {
      const isDue = await this.#store(target).catch((error: unknown) => {
        const isFull = error instanceof XylemError && error.code === "DISK_FULL";
        if (!isFull || !upkeep.isSegmentBase(target)) throw error;
        return true;
      });
      if (!isDue) return;
    }
    this.#advance(target);
    await upkeep.removeSegmentsBelow(this.#offset, settings);
  }

  /** The log begins anew there, above or below; `store` makes that durable. */
  beginAt(offset: number): void {
    this.#offset = offset;
  }

  /**
   * While the log is cut it stays where it is: where it was about to move may be past the end then.
   * Answers whether the checkpoint may say already that it has moved.
   */
  hold(): boolean {
    const isMoving = this.#targets.size > 0;
    this.#isHeld = true;
    this.#targets.clear();
    return isMoving;
  }

  letGo(): void {
    this.#isHeld = false;
  }

  async store(): Promise<void> {
    await this.#store(this.#offset);
  }

  /** Answers false when the log was cut meanwhile: it does not begin there any more. */
  async #store(offset: number): Promise<boolean> {
    const target = { offset };
    this.#targets.add(target);
    try {
      const { context, folder } = this.#parts;
      await context.storeLogStart(folder.path);
      return this.#targets.has(target);
    } finally {
      this.#targets.delete(target);
    }
  }

  #advance(target: number): void {
    if (target <= this.#offset) return;
    const { epochs, folder, onMoved } = this.#parts;
    this.#offset = target;
    if (epochs.cutStart(target)) folder.areEpochsDirty = true;
    onMoved();
  }
}
