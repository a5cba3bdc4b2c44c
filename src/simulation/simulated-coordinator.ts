import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { HeldLease, type LeaseKeeper } from "../broker/leases/held-lease.ts";
import type {
  Compare,
  Coordinator,
  CoordinatorState,
  Watcher,
  Write,
} from "../broker/ports/coordinator.ts";
import type { Lease } from "../broker/ports/lease.ts";
import { checkTransaction } from "../broker/ports/transaction-bounds.ts";
import {
  type CoordinatorFaultCounts,
  type CoordinatorFaults,
  CoordinatorNetwork,
} from "./coordinator-network.ts";
import type { SimulatedStore } from "./simulated-store.ts";
import { SimulatedWatch } from "./simulated-watch.ts";

export interface SimulatedCoordinatorOptions {
  readonly store: SimulatedStore;
  /** The client's own: it may drift from the store's. */
  readonly clock: Clock;
  readonly random: Random;
  /** Without them calls and watches take no time. */
  readonly faults?: CoordinatorFaults;
}

const noFaults = { delayMsMax: 0, watchDelayMsMax: 0, lostOneIn: 0, unknownOneIn: 0 };

/**
 * One client of a `SimulatedStore`, over a network with faults drawn from its seed. It keeps to the
 * port as clients of real coordinators do: a lost answer is asked after, an outage bridged.
 */
export class SimulatedCoordinator implements Coordinator, LeaseKeeper {
  readonly #store: SimulatedStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: CoordinatorFaults;
  readonly #network: CoordinatorNetwork;
  readonly #watches = new Set<SimulatedWatch>();
  readonly #held = new Set<HeldLease>();
  /** Of the store when it was read last. */
  #generation: number;

  constructor({ store, clock, random, faults = noFaults }: SimulatedCoordinatorOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
    this.#network = new CoordinatorNetwork({ store, clock, random, faults });
    this.#generation = store.generation;
  }

  get faultCounts(): Readonly<CoordinatorFaultCounts> {
    return this.#network.counts;
  }

  /** Nothing reaches the store any more, nor comes from there. */
  cut(): void {
    this.#network.isCut = true;
  }

  mend(): void {
    this.#network.isCut = false;
    for (const watch of this.#watches) watch.wake();
  }

  async read(prefix: string): Promise<CoordinatorState> {
    return await this.#network.ask(() => {
      this.#generation = this.#store.generation;
      return this.#store.read(prefix);
    });
  }

  async transact(
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<number | undefined> {
    checkTransaction(compares, writes);
    this.#network.checkOpen();
    const apply = (): number | undefined => this.#store.transact(compares, writes);
    if (this.#network.drawsUnknown()) return await this.#network.loseTrack(apply);
    return await this.#network.ask(apply);
  }

  watch(prefix: string, fromRevision: number, watcher: Watcher): () => void {
    const end = (): void => {
      watch.stop();
      this.#watches.delete(watch);
    };
    const watch = new SimulatedWatch({
      store: this.#store,
      clock: this.#clock,
      random: this.#random,
      delayMsMax: () => this.#faults.watchDelayMsMax,
      isReachable: () => this.#network.isReachable,
      place: { prefix, fromRevision, generation: this.#generation },
      watcher: {
        onChanges: (revision, changes) => watcher.onChanges(revision, changes),
        onGap: () => {
          this.#network.counts.gaps += 1;
          end();
          watcher.onGap();
        },
      },
    });
    this.#watches.add(watch);
    return end;
  }

  async lease(ttlMs: number): Promise<Lease> {
    const sentMs = this.#clock.monotonicMs();
    const id = await this.#network.ask(() => this.#store.grant(ttlMs));
    this.#network.checkOpen();
    const held = new HeldLease({ id, ttlMs, sentMs }, this, this.#clock);
    this.#held.add(held);
    held.onLost(() => this.#held.delete(held));
    return held;
  }

  async revoke(leaseId: string): Promise<void> {
    await this.end(leaseId);
  }

  async renew(id: string, { timeoutMs }: { readonly timeoutMs: number }): Promise<boolean> {
    return await this.#network.tryOnce(() => this.#store.renew(id), timeoutMs);
  }

  async end(id: string): Promise<void> {
    for (const held of this.#held) if (held.id === id) this.#drop(held);
    await this.#network.ask(() => this.#store.revoke(id));
  }

  async close(): Promise<void> {
    this.#network.isClosed = true;
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    for (const held of this.#held) this.#drop(held);
  }

  #drop(held: HeldLease): void {
    held.abandon();
    this.#held.delete(held);
  }
}
