import { assert } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { XylemError } from "../base/errors.ts";
import type {
  Change,
  Compare,
  CoordinatorEntry,
  CoordinatorState,
  Write,
} from "../broker/ports/coordinator.ts";

interface StoredLease {
  readonly ttlMs: number;
  cancelExpiry: Cancel;
}

/** Everything that a store held at a moment, its history not. */
export interface StoreBackup {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, CoordinatorEntry>;
}

/**
 * What the members of a coordinator agree on: one place where every change happens at a moment.
 * Leases run by its own clock. Clients reach it through `SimulatedCoordinator`.
 */
export class SimulatedStore {
  readonly #clock: Clock;
  #entries = new Map<string, CoordinatorEntry>();
  readonly #leases = new Map<string, StoredLease>();
  readonly #listeners = new Set<() => void>();
  #history: Change[] = [];
  #revision = 1;
  /** Changes up to this revision are forgotten. */
  #compacted = 0;
  /** What the revision fell to at each restore. */
  readonly #restoredTo: number[] = [];
  #leasesGranted = 0;
  #isAvailable = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Counts histories: each restore begins another one. */
  get generation(): number {
    return this.#restoredTo.length;
  }

  /** Without it nothing is answered and no lease runs out: its members have no quorum. */
  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  setAvailable(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    for (const [id, lease] of this.#leases) {
      lease.cancelExpiry();
      // A new leader gives every lease its whole time again, as etcd's does.
      if (isAvailable) this.#expireLater(id, lease);
    }
    this.#tell();
  }

  /** Something that is under way, whoever sent it. Lost where the store is not available then. */
  later(delayMs: number, run: () => void): void {
    this.#clock.schedule(delayMs, () => {
      if (this.#isAvailable) run();
    });
  }

  /** Tells that there may be something to see. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  read(prefix: string): CoordinatorState {
    const entries = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries };
  }

  find(key: string): CoordinatorEntry | undefined {
    return this.#entries.get(key);
  }

  /** The new revision, or undefined on a conflict. Throws STALE_BROKER_EPOCH. */
  transact(compares: readonly Compare[], writes: readonly Write[]): number | undefined {
    const isHeld = ({ key, revision }: Compare): boolean =>
      (this.#entries.get(key)?.revision ?? 0) === revision;
    if (!compares.every(isHeld)) return undefined;
    for (const { lease } of writes) {
      if (lease === undefined || this.#leases.has(lease.id)) continue;
      throw new XylemError("STALE_BROKER_EPOCH", `Lease ${lease.id} has ended`);
    }
    return this.#apply(writes.map(({ lease, ...write }) => ({ ...write, ...boundTo(lease?.id) })));
  }

  /**
   * What changed after a revision of a generation, oldest first; undefined: it is forgotten, or was
   * never in this history.
   */
  changesAfter(revision: number, generation = this.generation): readonly Change[] | undefined {
    const isShared = this.#restoredTo.slice(generation).every((fellTo) => revision <= fellTo);
    if (revision < this.#compacted || revision > this.#revision || !isShared) return undefined;
    return this.#history.filter((change) => change.revision > revision);
  }

  /** Forgets the history up to now. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  grant(ttlMs: number): string {
    this.#leasesGranted += 1;
    const id = `lease-${this.#leasesGranted}`;
    const lease = { ttlMs, cancelExpiry: () => {} };
    this.#leases.set(id, lease);
    this.#expireLater(id, lease);
    return id;
  }

  /** Whether it is there still. */
  renew(id: string): boolean {
    const lease = this.#leases.get(id);
    if (lease !== undefined) this.#expireLater(id, lease);
    return lease !== undefined;
  }

  revoke(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.cancelExpiry();
    this.#leases.delete(id);
    const bound = [...this.#entries.values()].filter((entry) => entry.lease === id);
    if (bound.length > 0) this.#apply(bound.map(({ key }) => ({ key, value: null })));
  }

  backUp(): StoreBackup {
    return { revision: this.#revision, entries: new Map(this.#entries) };
  }

  /** Its revision falls; leases and history are gone, keys bound to leases too. */
  restore({ revision, entries }: StoreBackup): void {
    assert(revision <= this.#revision, "a backup is of the past");
    for (const { cancelExpiry } of this.#leases.values()) cancelExpiry();
    this.#leases.clear();
    this.#entries = new Map([...entries].filter(([, { lease }]) => lease === undefined));
    this.#revision = revision;
    this.#restoredTo.push(revision);
    this.compact();
    this.#tell();
  }

  #apply(writes: readonly Omit<Change, "revision">[]): number {
    if (writes.length === 0) return this.#revision;
    this.#revision += 1;
    const revision = this.#revision;
    for (const write of writes) {
      const { value } = write;
      if (value === null && !this.#entries.delete(write.key)) continue;
      if (value !== null) this.#entries.set(write.key, { ...write, value, revision });
      this.#history.push({ ...write, revision });
    }
    this.#tell();
    return revision;
  }

  #expireLater(id: string, lease: StoredLease): void {
    lease.cancelExpiry();
    lease.cancelExpiry = this.#clock.schedule(lease.ttlMs, () => this.revoke(id));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function boundTo(lease: string | undefined): { readonly lease?: string } {
  return lease === undefined ? {} : { lease };
}
