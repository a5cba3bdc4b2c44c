import type { Cancel, Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { LazyPartition } from "./lazy-partition.ts";

interface UpkeepOptions {
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** Work goes this many partitions at a time, then lets others run. */
const stepPartitions = 16;
const retryDelayMs = 1_000;

/** What lazy partitions need though nobody uses them, at a pace that clients do not feel. */
export class LazyUpkeep {
  readonly #settings: NodeSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #open: ReadonlySet<LazyPartition>;
  readonly #timers = new Set<Cancel>();
  /** Those of which nothing is known, in the order they came. */
  readonly #unknown = new Set<LazyPartition>();
  #isChecking = false;
  #isClosed = false;
  #round = 1;

  constructor(options: UpkeepOptions, open: ReadonlySet<LazyPartition>) {
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#open = open;
    const { settings } = options;
    this.#every(settings["log.partition.idle.ms"], () => this.#shutIdle());
  }

  /** Rises with each look for idle partitions. */
  get round(): number {
    return this.#round;
  }

  /** Has the partition looked at soon: what only its files tell is told, and then known. */
  check(partition: LazyPartition): void {
    this.#unknown.add(partition);
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#after(this.#pauseMs(stepPartitions), () => this.#checkUnknown());
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  async #checkUnknown(): Promise<void> {
    try {
      // Others may come while the last ones are looked at.
      while (this.#unknown.size > 0 && !this.#isClosed) {
        await this.#inSteps(this.#unknown, (partition) => this.#look(partition));
      }
    } finally {
      this.#isChecking = false;
    }
  }

  async #shutIdle(): Promise<void> {
    const round = this.#round;
    this.#round += 1;
    await this.#shutUnused(round);
    // A checkpoint, which comes at the same moments, keeps partitions open for a little while.
    await this.#pause(retryDelayMs);
    await this.#shutUnused(round);
  }

  async #shutUnused(round: number): Promise<void> {
    const unused = [...this.#open].filter((partition) => partition.isUnused(round));
    await this.#inSteps(unused, (partition) => partition.unload(round));
  }

  /** Opens a partition, which learns what there is, and shuts it again unless somebody came. */
  async #look(partition: LazyPartition): Promise<void> {
    this.#unknown.delete(partition);
    try {
      await partition.open();
    } catch {
      // It was told of when it did not open; the next use tries again.
      return;
    }
    await partition.unload(this.#round);
  }

  async #inSteps(
    partitions: Iterable<LazyPartition>,
    work: (partition: LazyPartition) => Promise<void>,
  ): Promise<void> {
    let step: Promise<void>[] = [];
    for (const partition of partitions) {
      step.push(work(partition));
      if (step.length < stepPartitions) continue;
      await Promise.all(step);
      await this.#pause(this.#pauseMs(step.length));
      if (this.#isClosed) return;
      step = [];
    }
    await Promise.all(step);
  }

  #pauseMs(count: number): number {
    return (count * 1_000) / this.#settings["log.partition.background.per.second"];
  }

  /** Never resolves once it is closed. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#after(delayMs, async () => resolve()));
  }

  #every(intervalMs: number, work: () => Promise<void>): void {
    this.#after(intervalMs, async () => {
      try {
        await work();
      } finally {
        this.#every(intervalMs, work);
      }
    });
  }

  #after(delayMs: number, work: () => Promise<void>): void {
    if (this.#isClosed) return;
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#timers.delete(cancel);
      work().catch((error: Error) => {
        this.#log.error("background work on partitions failed", { why: error.message });
      });
    });
    this.#timers.add(cancel);
  }
}
