import type {
  Change,
  Compare,
  CoordinatorEntry,
  CoordinatorState,
} from "../../broker/ports/coordinator.ts";
import type { StoredWrite, Transaction } from "./transaction-line.ts";

interface Kept {
  readonly value: string;
  readonly revision: number;
  readonly lease?: string;
}

/** Deleted keys that are remembered, for watchers that start late. */
const deletionsMax = 10_000;

/** The keys at one revision, and which were deleted lately. */
export class Entries {
  #revision = 0;
  #sizeBytes = 0;
  readonly #kept = new Map<string, Kept>();
  readonly #deleted = new Map<string, number>();
  /** Deletions up to this revision may be forgotten. */
  #forgotten = 0;

  get revision(): number {
    return this.#revision;
  }

  get forgotten(): number {
    return this.#forgotten;
  }

  /** About what the living entries take in a file. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  revisionOf(key: string): number {
    return this.#kept.get(key)?.revision ?? 0;
  }

  /** Starts at a replayed revision; deletions before it are not known. */
  startAt(revision: number): void {
    this.#revision = revision;
    this.#forgotten = revision;
  }

  apply({ revision, writes }: Transaction): void {
    this.#revision = Math.max(this.#revision, revision);
    for (const { key, value, lease } of writes) {
      this.#sizeBytes += size(key, value) - size(key, this.#kept.get(key)?.value ?? null);
      if (value === null) this.#forget(key, revision);
      else this.#keep(key, { value, revision, ...(lease === undefined ? {} : { lease }) });
    }
  }

  read(prefix: string): CoordinatorState {
    const entries: CoordinatorEntry[] = [];
    for (const [key, kept] of this.#kept) {
      if (key.startsWith(prefix)) entries.push({ key, ...kept });
    }
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries };
  }

  /** Keys bound to a lease: to this one, or to any. */
  boundKeys(lease?: string): readonly string[] {
    return [...this.#kept]
      .filter(([, kept]) => kept.lease !== undefined && kept.lease === (lease ?? kept.lease))
      .map(([key]) => key);
  }

  /** What changed below a prefix after a revision, in the order of revisions, merged by key. */
  changesAfter(prefix: string, revision: number): readonly Change[] {
    const written = [...this.#kept].map(([key, kept]) => ({ key, ...kept }));
    const deleted = [...this.#deleted].map(([key, at]) => ({ key, value: null, revision: at }));
    return [...written, ...deleted]
      .filter((change) => change.revision > revision && change.key.startsWith(prefix))
      .sort((a, b) => a.revision - b.revision);
  }

  /** Everything alive as transactions in the order of revisions, at most `most` writes in each. */
  snapshot(most: number): readonly Transaction[] {
    const sorted = [...this.#kept].sort(([, a], [, b]) => a.revision - b.revision);
    const transactions: { revision: number; writes: StoredWrite[] }[] = [];
    for (const [key, { revision, ...kept }] of sorted) {
      const last = transactions.at(-1);
      const write = { key, ...kept };
      if (last?.revision === revision && last.writes.length < most) last.writes.push(write);
      else transactions.push({ revision, writes: [write] });
    }
    return transactions;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#deleted.delete(key);
  }

  #forget(key: string, revision: number): void {
    if (!this.#kept.delete(key)) return;
    this.#deleted.set(key, revision);
    if (this.#deleted.size <= deletionsMax) return;
    for (const [oldest, at] of this.#deleted) {
      this.#deleted.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, at);
      break;
    }
  }
}

/** The entries as transactions that are not durable yet would leave them; compared against only. */
export class Draft {
  readonly #entries: Entries;
  readonly #written = new Map<string, { readonly revision: number; readonly lease?: string }>();
  readonly transactions: Transaction[] = [];

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** The revision this transaction will have, or undefined when a compare does not hold. */
  add(compares: readonly Compare[], writes: readonly StoredWrite[]): number | undefined {
    if (compares.some(({ key, revision }) => this.#revisionOf(key) !== revision)) return undefined;
    const revision = (this.transactions.at(-1)?.revision ?? this.#entries.revision) + 1;
    for (const { key, value, lease } of writes) {
      const bound = lease === undefined || value === null ? {} : { lease };
      this.#written.set(key, { revision: value === null ? 0 : revision, ...bound });
    }
    this.transactions.push({ revision, writes });
    return revision;
  }

  /** Deletes what is bound to the lease: to any, if none is named. */
  endLease(lease?: string): void {
    const before = this.#entries.boundKeys(lease).filter((key) => !this.#written.has(key));
    const written = [...this.#written]
      .filter(([, now]) => now.lease !== undefined && now.lease === (lease ?? now.lease))
      .map(([key]) => key);
    const writes = [...before, ...written].map((key) => ({ key, value: null }));
    if (writes.length > 0) this.add([], writes);
  }

  #revisionOf(key: string): number {
    return (this.#written.get(key) ?? { revision: this.#entries.revisionOf(key) }).revision;
  }
}

function size(key: string, value: string | null): number {
  return value === null ? 0 : key.length + value.length + bytesAround;
}

/** What JSON adds to a key and a value, about. */
const bytesAround = 40;
