import { XylemError } from "../../base/errors.ts";
import type { LogDirectory } from "../partition/log-directory.ts";
import { formatPartitionName } from "../partition/partition-name.ts";
import { reindexPartition } from "../partition/reindex-partition.ts";
import type { Abortion } from "../retention/retention.ts";
import type { Topics } from "../topics/topics.ts";

export interface ReindexReport {
  readonly partitions: number;
  readonly segments: number;
}

/** Makes the indexes and snapshots of topics again, out of their logs, while they are in use. */
export class Reindexing {
  readonly #topics: Topics;
  readonly #directory: LogDirectory;

  constructor(topics: Topics, directory: LogDirectory) {
    this.#topics = topics;
    this.#directory = directory;
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION, REQUEST_TIMED_OUT when the signal aborts. */
  async run(name: string, signal: Abortion): Promise<ReindexReport> {
    const topic = this.#topics.find(name);
    if (topic === undefined) {
      throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
    }
    let segments = 0;
    for (const { index } of topic.partitions) {
      const partition = this.#directory.find(formatPartitionName(name, index));
      if (partition !== undefined) segments += await reindexPartition(partition, signal);
    }
    return { partitions: topic.partitions.length, segments };
  }
}
