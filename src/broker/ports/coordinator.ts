import type { Lease } from "./lease.ts";

/**
 * The small, precious state of a cluster: topics, configs, ids, nodes and chains.
 * One process keeps it in a fsynced log file (`local`); etcd and Consul hold it for several
 * (cluster.md, section 2). Keys are `/`-separated text, values are JSON text.
 *
 * A coordinator that does not answer in time rejects with REQUEST_TIMED_OUT.
 */
export interface Coordinator {
  /** All entries below a prefix, consistent at one revision: the newest when it was asked. */
  read(prefix: string): Promise<CoordinatorState>;
  /**
   * Applies all writes, durably, if every compare holds; else changes nothing. Answers the new
   * revision, or undefined on a conflict: what it answers is what happened, also when an answer
   * was lost on the way and the call was sent again. Rejects when the outcome is unknown
   * (REQUEST_TIMED_OUT, it may take effect later) or when a lease that a write is bound to is gone
   * (STALE_BROKER_EPOCH, nothing changed). Bounds as in `checkTransaction`.
   */
  transact(compares: readonly Compare[], writes: readonly Write[]): Promise<number | undefined>;
  /**
   * Tells of changes below a prefix after `fromRevision` until the returned function is called or
   * the watcher was told to read again: history that is forgotten, or another one, as a restored
   * backup begins. Outages in between are bridged without a word. The revision is one that a `read`
   * of this client answered lately; from others not each coordinator can tell what has changed, and
   * lets the watcher read again.
   */
  watch(prefix: string, fromRevision: number, watcher: Watcher): () => void;
  /**
   * A lease of `ttlMs` or more; keys bound to it vanish with it. Kept alive until it is revoked or
   * lost. A node's state is no older than its lease once a watcher was told of the revision that
   * wrote a key bound to it.
   */
  lease(ttlMs: number): Promise<Lease>;
  /**
   * How long what is bound to a lease of `ttlMs` may stay after its owner has died; without it,
   * about as long.
   */
  leaseLastsMs?(ttlMs: number): number;
  /** Ends a lease by its id: that of this disk's former life. Unknown: no error. */
  revoke(leaseId: string): Promise<void>;
  /** Ends watches and keep-alives; calls under way reject. Leases not revoked run out. */
  close(): Promise<void>;
}

export interface CoordinatorEntry {
  readonly key: string;
  readonly value: string;
  /** The revision that wrote this value last. */
  readonly revision: number;
  /** The id of the lease it is bound to. */
  readonly lease?: string;
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
  /** Bound to this lease; without, bound to none any more. */
  readonly lease?: Lease;
}

/** A key's newest value; null: deleted. `revision` is that of the change. */
export interface Change {
  readonly key: string;
  readonly value: string | null;
  readonly revision: number;
  readonly lease?: string;
}

export interface Watcher {
  /**
   * With these changes applied the state is that of `revision`, whole. Revisions rise from call to
   * call. Several changes may be merged into one call, a key then stands once with its newest
   * value; an empty list tells that nothing changed up to `revision`. Must not throw.
   */
  onChanges(revision: number, changes: readonly Change[]): void;
  /**
   * Once, and the watch is over: what changed is forgotten (history was compacted), or the
   * coordinator's revision fell (it was restored from a backup). Read again, watch from there.
   */
  onGap(): void;
}
