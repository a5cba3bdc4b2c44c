import type { RecordBytes } from "../../groups/record-bytes.ts";

/** Where the group coordinator keeps its records: the partitions of `__consumer_offsets`. */
export interface GroupLog {
  /** 0: the topic does not exist. Never changes once it does. */
  readonly partitionCount: number;
  /** Makes the topic unless it exists. */
  create(): Promise<void>;
  /**
   * Adds records at the partition's end, in the order of the calls, and resolves once they are
   * committed. What several callers add at one time shares a batch and a flush. Rejects with
   * XylemError; the records may then lie in the log or not.
   */
  append(partition: number, records: readonly RecordBytes[]): Promise<void>;
  /** In a cluster: tells of partitions that this node serves from now on, or no longer. */
  onMoved?(listener: (partition: number) => void): () => void;
  /** In a cluster: resolves once all that was ever committed is known here to be. */
  whenLatestKnown?(partition: number): Promise<void>;
  /** In a cluster: another node serves it, or may by now, or none. */
  isElsewhere?(partition: number): boolean;
  /** Visits all committed records in order; those of aborted or open transactions never. */
  replay(partition: number, visit: (record: RecordBytes) => void): Promise<void>;
}
