import type { Crc32c } from "../../base/crc32c.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type {
  Change,
  Compare,
  Coordinator,
  CoordinatorState,
  Watcher,
  Write,
} from "../../broker/ports/coordinator.ts";
import type { Disk } from "../../broker/ports/disk.ts";
import type { Lease } from "../../broker/ports/lease.ts";
import { checkKeys } from "../../broker/ports/transaction-bounds.ts";
import { CoordinatorFile } from "./coordinator-file.ts";
import { Draft, type Entries } from "./entries.ts";
import { LocalLease } from "./local-lease.ts";
import type { Transaction } from "./transaction-line.ts";

// An import statement would load WebCrypto with it, for a start in memory too.
const { randomUUID } = process.getBuiltinModule("node:crypto");

export interface LocalCoordinatorOptions {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  readonly log: Log;
}

/** Transactions that may wait for the disk. */
const waitingMax = 10_000;

interface Waiting {
  /** Adds the change to those that the next flush confirms; answers its revision or a conflict. */
  readonly add: (draft: Draft) => number | undefined;
  readonly resolve: (revision: number | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Watch {
  readonly prefix: string;
  readonly watcher: Watcher;
}

/**
 * The coordinator of a single node: entries in memory, each change in a flushed file before it is
 * confirmed or seen. Changes that arrive while the disk is busy share the next flush. A flush that
 * fails stops all further changes (its outcome is unknown); a full disk fails only those at hand.
 * A lease holds as long as the coordinator is open: keys bound to it go when it closes, or, after
 * a crash, when the file is opened again.
 */
export class LocalCoordinator implements Coordinator {
  readonly #file: CoordinatorFile;
  readonly #entries: Entries;
  readonly #watches = new Set<Watch>();
  readonly #leases = new Set<string>();
  #waiting: Waiting[] = [];
  #isDraining = false;
  #drained: Promise<void> = Promise.resolve();
  #stopped: XylemError | undefined;

  private constructor(file: CoordinatorFile, entries: Entries) {
    this.#file = file;
    this.#entries = entries;
  }

  /** Reads the file, or makes it. Throws KAFKA_STORAGE_ERROR when it is damaged. */
  static async open(options: LocalCoordinatorOptions): Promise<LocalCoordinator> {
    const { file, entries } = await CoordinatorFile.open(options);
    const coordinator = new LocalCoordinator(file, entries);
    if (entries.boundKeys().length > 0) await coordinator.#endLease();
    return coordinator;
  }

  async read(prefix: string): Promise<CoordinatorState> {
    return this.#entries.read(prefix);
  }

  async transact(
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<number | undefined> {
    checkKeys(compares, writes);
    const stored = writes.map(({ lease, ...write }) => {
      if (lease === undefined) return write;
      if (this.#leases.has(lease.id)) return { ...write, lease: lease.id };
      throw new XylemError("STALE_BROKER_EPOCH", `Lease ${lease.id} has ended`);
    });
    return await this.#submit((draft) => draft.add(compares, stored));
  }

  watch(prefix: string, fromRevision: number, watcher: Watcher): () => void {
    const watch = { prefix, watcher };
    this.#watches.add(watch);
    if (fromRevision < this.#entries.forgotten || fromRevision > this.#entries.revision) {
      queueMicrotask(() => {
        if (this.#watches.delete(watch)) watcher.onGap();
      });
    } else {
      this.#tell(watch, this.#entries.changesAfter(prefix, fromRevision));
    }
    return () => {
      this.#watches.delete(watch);
    };
  }

  async lease(ttlMs: number): Promise<Lease> {
    if (this.#stopped !== undefined) throw this.#stopped;
    const id = randomUUID();
    this.#leases.add(id);
    return new LocalLease(id, ttlMs, () => this.revoke(id));
  }

  async revoke(leaseId: string): Promise<void> {
    if (this.#leases.delete(leaseId)) await this.#endLease(leaseId);
  }

  async close(): Promise<void> {
    if (this.#leases.size > 0 && this.#stopped === undefined) {
      this.#leases.clear();
      // What stays in the file for a disk that fails goes when it is opened again.
      await this.#endLease().catch(() => {});
    }
    this.#stopped ??= new XylemError("BROKER_NOT_AVAILABLE", "The coordinator is closed");
    await this.#drained;
    this.#watches.clear();
    await this.#file.close();
  }

  /** Of one lease, or of all. */
  async #endLease(id?: string): Promise<void> {
    await this.#submit((draft) => {
      draft.endLease(id);
      return undefined;
    });
  }

  async #submit(add: Waiting["add"]): Promise<number | undefined> {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#waiting.length >= waitingMax) {
      throw new XylemError("REQUEST_TIMED_OUT", `${waitingMax} changes wait for the disk`);
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ add, resolve, reject });
      if (this.#isDraining) return;
      this.#isDraining = true;
      this.#drained = this.#drain();
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const draft = new Draft(this.#entries);
      const revisions = batch.map(({ add }) => add(draft));
      try {
        await this.#confirm(draft.transactions);
      } catch (error) {
        for (const { reject } of batch) reject(error);
        continue;
      }
      for (const [at, { resolve }] of batch.entries()) resolve(revisions[at]);
    }
    // In the same turn as the last look at the queue: nobody may come between.
    this.#isDraining = false;
  }

  async #confirm(transactions: readonly Transaction[]): Promise<void> {
    if (transactions.length === 0) return;
    if (this.#file.isBroken) throw this.#stop();
    try {
      await this.#file.append(transactions);
    } catch (error) {
      if (this.#file.isBroken) this.#stop(error);
      throw error;
    }
    for (const transaction of transactions) this.#apply(transaction);
    await this.#file.compactIfLarge(this.#entries);
  }

  #stop(cause?: unknown): XylemError {
    this.#stopped ??= new XylemError(
      "KAFKA_STORAGE_ERROR",
      "The coordinator's file failed: topics and configs cannot change until a restart",
      { cause },
    );
    return this.#stopped;
  }

  #apply(transaction: Transaction): void {
    this.#entries.apply(transaction);
    const { revision, writes } = transaction;
    for (const watch of this.#watches) {
      const seen = writes.filter(({ key }) => key.startsWith(watch.prefix));
      this.#tell(
        watch,
        seen.map((write) => ({ ...write, revision })),
      );
    }
  }

  /** In a turn of its own: a listener's fault is not this transaction's. */
  #tell(watch: Watch, changes: readonly Change[]): void {
    const last = changes.at(-1);
    if (last === undefined) return;
    queueMicrotask(() => {
      if (this.#watches.has(watch)) watch.watcher.onChanges(last.revision, changes);
    });
  }
}
