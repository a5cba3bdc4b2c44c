import type { Partition } from "../partition.ts";

/** Where partitions are to be had with their files open. */
export interface PartitionSource {
  /** Keeps the partition open while `work` goes on; undefined: there is none. */
  use<T>(
    topic: string,
    index: number,
    work: (partition: Partition) => Promise<T>,
  ): Promise<T | undefined>;
}
