import type { Cancel, Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Log } from "../../base/log.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { compacts } from "../topics/live-topic.ts";
import type { Topics } from "../topics/topics.ts";

export interface LogCleanerOptions {
  readonly topics: Pick<Topics, "list">;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** What was done since the start. */
export interface CleanerTotals {
  passCount: number;
  bytesRead: number;
  bytesWritten: number;
}

interface DirtyLog {
  readonly partition: PartitionLog;
  readonly ratio: number;
}

/** Partitions looked at before others get a turn. */
const partitionsPerTurn = 256;
/** Partitions whose files are shut, and are opened for a look: so many a round, each so often. */
const shutPerRound = 64;
const shutRecheckMs = 3_600_000;

/** A log that could not be compacted is left alone for so long. */
const retryMs = 3_600_000;

/**
 * Compacts the topics whose `cleanup.policy` has `compact`, the dirtiest logs first, every
 * `log.cleaner.backoff.ms` (semantics.md 13). One that is damaged is tried again after a while: it
 * may have been repaired.
 */
export class LogCleaner {
  readonly totals: CleanerTotals = { passCount: 0, bytesRead: 0, bytesWritten: 0 };
  readonly #options: LogCleanerOptions;
  /** Until when each is left alone, on the monotonic clock. */
  readonly #retryAtMs = new WeakMap<PartitionLog, number>();
  readonly #running = new Set<PartitionLog>();
  /** When each was looked at last, on the monotonic clock. */
  readonly #lookedAtMs = new WeakMap<PartitionLog, number>();
  #cancel: Cancel | undefined;
  #cleaning: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isClosed) return;
    const { clock, settings } = this.#options;
    this.#cancel = clock.schedule(settings["log.cleaner.backoff.ms"], () => {
      const next = (): void => this.start();
      this.clean().then(next, next);
    });
  }

  /** Ends the passes under way and waits for them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await Promise.all([...this.#running].map(async ({ compaction }) => await compaction?.stop()));
    await this.#cleaning;
  }

  /** Passes over all logs where one is due, until there is none; with one under way, that one's. */
  clean(): Promise<void> {
    this.#cleaning ??= this.#clean().finally(() => {
      this.#cleaning = undefined;
    });
    return this.#cleaning;
  }

  async #clean(): Promise<void> {
    // What failed or gave way has another chance next time.
    const tried = new Set<PartitionLog>();
    for (let shutMax = shutPerRound; ; shutMax = 0) {
      const due = await this.#findDue(tried, shutMax);
      if (due.length === 0) return;
      const threads = this.#options.settings["log.cleaner.threads"];
      await inParallel(due, threads, async (dirty) => {
        if (this.#isClosed || (await this.#compact(dirty))) return;
        tried.add(dirty.partition);
      });
      if (this.#isClosed) return;
    }
  }

  /** The dirtiest first. */
  async #findDue(tried: ReadonlySet<PartitionLog>, shutMax: number): Promise<DirtyLog[]> {
    const due: DirtyLog[] = [];
    let count = 0;
    let shutLeft = shutMax;
    for (const topic of this.#options.topics.list()) {
      if (!compacts(topic.settings) || topic.isStoredDense) continue;
      for (const partition of topic.partitions) {
        if (this.#isClosed) return [];
        count += 1;
        if (count % partitionsPerTurn === 0) await this.#turn();
        if (tried.has(partition) || this.#isPutOff(partition)) continue;
        if (partition.compaction === undefined) {
          if (shutLeft === 0 || !this.#isLookDue(partition)) continue;
          shutLeft -= 1;
        }
        const ratio = await this.#measure(partition);
        if (ratio !== undefined) due.push({ partition, ratio });
      }
    }
    return due.sort((one, other) => other.ratio - one.ratio);
  }

  #isPutOff(partition: PartitionLog): boolean {
    return this.#options.clock.monotonicMs() < (this.#retryAtMs.get(partition) ?? -Infinity);
  }

  /** Nobody uses it: what it was when it was shut is what it is, but for its records' age. */
  #isLookDue(partition: PartitionLog): boolean {
    if (partition.end === 0) return false;
    const lookedAtMs = this.#lookedAtMs.get(partition) ?? -Infinity;
    return this.#options.clock.monotonicMs() - lookedAtMs >= shutRecheckMs;
  }

  /** Undefined: no pass is due. */
  async #measure(partition: PartitionLog): Promise<number | undefined> {
    if (partition.stopped !== undefined) return undefined;
    this.#lookedAtMs.set(partition, this.#options.clock.monotonicMs());
    try {
      // Of an open one this is no use that keeps it open.
      if (partition.compaction === undefined) await partition.load();
      const dirtiness = await partition.compaction?.measure();
      return dirtiness?.isDue === true ? dirtiness.ratio : undefined;
    } catch (error) {
      this.#tell(partition, error);
      return undefined;
    }
  }

  /** Answers whether it was done. */
  async #compact({ partition }: DirtyLog): Promise<boolean> {
    const { clock, log } = this.#options;
    this.#running.add(partition);
    const startMs = clock.monotonicMs();
    try {
      const report = await partition.compaction?.run();
      if (report === undefined) return false;
      const { endOffset, bytesRead, bytesWritten } = report;
      this.totals.passCount += 1;
      this.totals.bytesRead += bytesRead;
      this.totals.bytesWritten += bytesWritten;
      const tookMs = Math.round(clock.monotonicMs() - startMs);
      const who = { topic: partition.topic, partition: partition.index };
      log.info("compacted a log", { ...who, upTo: endOffset, bytesRead, bytesWritten, tookMs });
      return true;
    } catch (error) {
      this.#tell(partition, error);
      return false;
    } finally {
      this.#running.delete(partition);
    }
  }

  #tell(partition: PartitionLog, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const fields = { topic: partition.topic, partition: partition.index, why };
    if (mayPass(error)) return this.#options.log.warn("compaction failed", fields);
    this.#retryAtMs.set(partition, this.#options.clock.monotonicMs() + retryMs);
    this.#options.log.error("a log is not compacted for now", { ...fields, retryMs });
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.schedule(0, resolve));
  }
}

/** A disk may have room again, a topic may be gone; damage stays. */
function mayPass(error: unknown): boolean {
  return error instanceof XylemError && !lasting.has(error.code);
}

const lasting: ReadonlySet<string> = new Set(["CORRUPT_MESSAGE", "INVALID_CONFIG"]);
