import { assert } from "../../base/assert.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type {
  ChangeListener,
  Compare,
  Coordinator,
  CoordinatorState,
  Write,
} from "../../broker/ports/coordinator.ts";
import type { Disk } from "../../broker/ports/disk.ts";
import { CoordinatorFile } from "./coordinator-file.ts";
import { Draft, type Entries } from "./entries.ts";
import type { Transaction } from "./transaction-line.ts";

export interface LocalCoordinatorOptions {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  readonly log: Log;
}

/** Keys that one transaction may compare and write, as the port promises. */
const keysMax = 64;
/** Transactions that may wait for the disk. */
const waitingMax = 10_000;

interface Waiting {
  readonly compares: readonly Compare[];
  readonly writes: readonly Write[];
  readonly resolve: (revision: number | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Watcher {
  readonly prefix: string;
  readonly listener: ChangeListener;
}

/**
 * The coordinator of a single node: entries in memory, each change in a flushed file before it is
 * confirmed or seen. Changes that arrive while the disk is busy share the next flush. A flush that
 * fails stops all further changes (its outcome is unknown); a full disk fails only those at hand.
 */
export class LocalCoordinator implements Coordinator {
  readonly #file: CoordinatorFile;
  readonly #entries: Entries;
  readonly #watchers = new Set<Watcher>();
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
    return new LocalCoordinator(file, entries);
  }

  async read(prefix: string): Promise<CoordinatorState> {
    return this.#entries.read(prefix);
  }

  async transact(
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<number | undefined> {
    const keys = new Set([...compares, ...writes].map(({ key }) => key));
    assert(keys.size <= keysMax, `a transaction over ${keys.size} keys`);
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#waiting.length >= waitingMax) {
      throw new XylemError("REQUEST_TIMED_OUT", `${waitingMax} changes wait for the disk`);
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ compares, writes, resolve, reject });
      if (this.#isDraining) return;
      this.#isDraining = true;
      this.#drained = this.#drain();
    });
  }

  /** Throws OFFSET_OUT_OF_RANGE when deletions after `fromRevision` are forgotten: read again. */
  watch(prefix: string, fromRevision: number, listener: ChangeListener): () => void {
    if (fromRevision < this.#entries.forgotten) {
      throw new XylemError(
        "OFFSET_OUT_OF_RANGE",
        `Changes are known after revision ${this.#entries.forgotten}, asked ${fromRevision}`,
      );
    }
    const watcher = { prefix, listener };
    this.#watchers.add(watcher);
    this.#tell(watcher, this.#entries.changesAfter(prefix, fromRevision));
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  async close(): Promise<void> {
    this.#stopped ??= new XylemError("BROKER_NOT_AVAILABLE", "The coordinator is closed");
    await this.#drained;
    this.#watchers.clear();
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const draft = new Draft(this.#entries);
      const revisions = batch.map(({ compares, writes }) => draft.add(compares, writes));
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
    for (const watcher of this.#watchers) {
      const seen = writes.filter(({ key }) => key.startsWith(watcher.prefix));
      this.#tell(
        watcher,
        seen.map((write) => ({ ...write, revision })),
      );
    }
  }

  /** In a turn of its own: a listener's fault is not this transaction's. */
  #tell(watcher: Watcher, changes: readonly (Write & { revision: number })[]): void {
    const last = changes.at(-1);
    if (last === undefined) return;
    queueMicrotask(() => {
      if (this.#watchers.has(watcher)) watcher.listener(last.revision, changes);
    });
  }
}
