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

  constructor(offset: number, parts: LogStartParts) {
    this.#offset = offset;
    this.#parts = parts;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Durable when it resolves, whoever moved it that far. */
  async delete(target: number, settings: TopicSettings): Promise<void> {
    // Another call may have moved it that far and not be done.
    if (target <= this.#offset) await this.#parts.context.storeLogStarts();
    await this.moveTo(target, settings);
  }

  async moveTo(target: number, settings: TopicSettings): Promise<void> {
    const { context, epochs, folder, upkeep, onMoved } = this.#parts;
    if (target > this.#offset) {
      this.#offset = target;
      if (epochs.cutStart(target)) folder.areEpochsDirty = true;
      await context.storeLogStarts();
      onMoved();
    }
    await upkeep.removeSegmentsBelow(this.#offset, settings);
  }
}
