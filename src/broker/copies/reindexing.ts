import { XylemError } from "../../base/errors.ts";
import type { PartitionSource } from "../partition/lazy/partition-source.ts";
import type { Partition } from "../partition/partition.ts";
import { reindexPartition } from "../partition/copies/reindex-partition.ts";
import type { Abortion } from "../retention/retention.ts";
import type { Topics } from "../topics/topics.ts";

export interface ReindexReport {
  readonly partitions: number;
  readonly segments: number;
}

/** Makes the indexes and snapshots of topics again, out of their logs, while they are in use. */
export class Reindexing {
  readonly #topics: Topics;
  readonly #partitions: PartitionSource;

  constructor(topics: Topics, partitions: PartitionSource) {
    this.#topics = topics;
    this.#partitions = partitions;
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION, REQUEST_TIMED_OUT when the signal aborts. */
  async run(name: string, signal: Abortion): Promise<ReindexReport> {
    const topic = this.#topics.find(name);
    if (topic === undefined) {
      throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
    }
    let segments = 0;
    for (const { index } of topic.partitions) {
      const reindex = (partition: Partition) => reindexPartition(partition, signal);
      segments += (await this.#partitions.use(name, index, reindex)) ?? 0;
    }
    return { partitions: topic.partitions.length, segments };
  }
}
