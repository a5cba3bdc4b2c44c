import type {
  Compare,
  CoordinatorEntry,
  CoordinatorState,
  Write,
} from "../../broker/ports/coordinator.ts";
import type { Transaction } from "./transaction-line.ts";

interface Kept {
  readonly value: string;
  readonly revision: number;
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
    for (const { key, value } of writes) {
      this.#sizeBytes += size(key, value) - size(key, this.#kept.get(key)?.value ?? null);
      if (value === null) this.#forget(key, revision);
      else this.#keep(key, { value, revision });
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

  /** What changed below a prefix after a revision, in the order of revisions, merged by key. */
  changesAfter(prefix: string, revision: number): readonly (Write & { revision: number })[] {
    const written = [...this.#kept].map(([key, kept]) => ({ key, ...kept }));
    const deleted = [...this.#deleted].map(([key, at]) => ({ key, value: null, revision: at }));
    return [...written, ...deleted]
      .filter((change) => change.revision > revision && change.key.startsWith(prefix))
      .sort((a, b) => a.revision - b.revision);
  }

  /** Everything alive as transactions in the order of revisions, at most `most` writes in each. */
  snapshot(most: number): readonly Transaction[] {
    const sorted = [...this.#kept].sort(([, a], [, b]) => a.revision - b.revision);
    const transactions: { revision: number; writes: Write[] }[] = [];
    for (const [key, { value, revision }] of sorted) {
      const last = transactions.at(-1);
      const write = { key, value };
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
  readonly #written = new Map<string, number>();
  readonly transactions: Transaction[] = [];

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** The revision this transaction will have, or undefined when a compare does not hold. */
  add(compares: readonly Compare[], writes: readonly Write[]): number | undefined {
    if (compares.some(({ key, revision }) => this.#revisionOf(key) !== revision)) return undefined;
    const revision = (this.transactions.at(-1)?.revision ?? this.#entries.revision) + 1;
    for (const { key, value } of writes) this.#written.set(key, value === null ? 0 : revision);
    this.transactions.push({ revision, writes });
    return revision;
  }

  #revisionOf(key: string): number {
    return this.#written.get(key) ?? this.#entries.revisionOf(key);
  }
}

function size(key: string, value: string | null): number {
  return value === null ? 0 : key.length + value.length + bytesAround;
}

/** What JSON adds to a key and a value, about. */
const bytesAround = 40;
