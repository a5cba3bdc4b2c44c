/**
 * The small, precious state of a cluster: topics, configs, ids; later users, nodes and chains.
 * One process keeps it in a fsynced log file (`local`); etcd and Consul hold it for several
 * (cluster.md, section 2). Keys are `/`-separated text, values are JSON text.
 */
export interface Coordinator {
  /** All entries below a prefix, consistent at one revision. */
  read(prefix: string): Promise<CoordinatorState>;
  /**
   * Applies all writes, durably, if every compare holds; else changes nothing.
   * Answers the new revision, or undefined on a conflict. At most 64 keys a call.
   */
  transact(compares: readonly Compare[], writes: readonly Write[]): Promise<number | undefined>;
  /**
   * Tells of changes below a prefix after `fromRevision`, at rising revisions; several may be
   * merged into one call. Runs until the returned function is called. Throws OFFSET_OUT_OF_RANGE
   * when changes after `fromRevision` are forgotten: read again.
   */
  watch(prefix: string, fromRevision: number, listener: ChangeListener): () => void;
  close(): Promise<void>;
}

export interface CoordinatorEntry {
  readonly key: string;
  readonly value: string;
  /** The revision that wrote this value last. */
  readonly revision: number;
}

export interface CoordinatorState {
  readonly revision: number;
  readonly entries: readonly CoordinatorEntry[];
}

/** `revision` 0 means: the key does not exist. */
export interface Compare {
  readonly key: string;
  readonly revision: number;
}

/** A null value deletes the key. */
export interface Write {
  readonly key: string;
  readonly value: string | null;
}

export type ChangeListener = (
  revision: number,
  changes: readonly (Write & { revision: number })[],
) => void;
