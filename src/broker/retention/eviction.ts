import type { PartitionLog, RetainedBefore } from "../partition/partition-log.ts";

/** What a pass of retention did, as far as it changed something. */
export interface EvictionReport {
  readonly partitions: readonly EvictedPartition[];
  readonly failures: readonly { topic: string; partition: number; why: string }[];
  /** Partitions that changed or failed beyond those listed. */
  readonly unlisted: number;
  /** Bytes of the logs without indexes; the disk has them back after `file.delete.delay.ms`. */
  readonly freedBytes: number;
}

export interface EvictedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly logStart: number;
  readonly logStartBefore: number;
  readonly freedBytes: number;
}

const listedMax = 10_000;

/** Keeps count of what one pass removes; of the partitions it names at most `listedMax`. */
export class Eviction {
  readonly #partitions: EvictedPartition[] = [];
  readonly #failures: { topic: string; partition: number; why: string }[] = [];
  #unlisted = 0;
  #freedBytes = 0;

  note(log: PartitionLog, before: RetainedBefore): void {
    const { topic, index: partition, logStart } = log;
    const freedBytes = Math.max(0, before.sizeBytes - log.sizeBytes);
    if (freedBytes === 0 && logStart === before.logStart) return;
    this.#freedBytes += freedBytes;
    const evicted = { topic, partition, logStart, logStartBefore: before.logStart, freedBytes };
    this.#list(this.#partitions, evicted);
  }

  fail({ topic, index: partition }: PartitionLog, why: string): void {
    this.#list(this.#failures, { topic, partition, why });
  }

  report(): EvictionReport {
    return {
      partitions: this.#partitions,
      failures: this.#failures,
      unlisted: this.#unlisted,
      freedBytes: this.#freedBytes,
    };
  }

  #list<T>(list: T[], entry: T): void {
    if (list.length < listedMax) list.push(entry);
    else this.#unlisted += 1;
  }
}
