import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Change, Watcher } from "../broker/ports/coordinator.ts";
import { drawBetween, drawOneIn } from "./draw.ts";
import type { SimulatedStore } from "./simulated-store.ts";

export interface SimulatedWatchOptions {
  readonly store: SimulatedStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked anew for each. */
  readonly delayMsMax: () => number;
  readonly isReachable: () => boolean;
  /** The revision is of that generation of the store. */
  readonly place: {
    readonly prefix: string;
    readonly fromRevision: number;
    readonly generation: number;
  };
  readonly watcher: Watcher;
}

/** Changes told late, one by one or merged; an empty list now and then. */
export class SimulatedWatch {
  readonly #options: SimulatedWatchOptions;
  readonly #forget: () => void;
  #revision: number;
  #generation: number;
  #isPlanned = false;
  #isOver = false;

  constructor(options: SimulatedWatchOptions) {
    this.#options = options;
    this.#revision = options.place.fromRevision;
    this.#generation = options.place.generation;
    this.#forget = options.store.onChanged(() => this.wake());
    this.wake();
  }

  /** There may be something to tell, or a way to be told it. */
  wake(): void {
    if (this.#isPlanned || this.#isOver) return;
    this.#isPlanned = true;
    const { clock, random, delayMsMax } = this.#options;
    const mostMs = delayMsMax();
    if (mostMs === 0) void Promise.resolve().then(() => this.#deliver());
    else clock.schedule(drawBetween(random, 0, mostMs), () => this.#deliver());
  }

  stop(): void {
    this.#isOver = true;
    this.#forget();
  }

  #deliver(): void {
    this.#isPlanned = false;
    const { store, isReachable, watcher } = this.#options;
    if (this.#isOver || !isReachable()) return;
    const changes = store.changesAfter(this.#revision, this.#generation);
    if (changes === undefined) {
      this.stop();
      watcher.onGap();
      return;
    }
    this.#generation = store.generation;
    const revisions = [...new Set(changes.map(({ revision }) => revision))];
    if (revisions.length === 0) return;
    this.#tellUpTo(this.#drawEnd(revisions), changes);
    if (this.#revision < store.revision) this.wake();
  }

  #tellUpTo(revision: number, changes: readonly Change[]): void {
    const { random, delayMsMax, place, watcher } = this.#options;
    this.#revision = revision;
    const newest = new Map<string, Change>();
    for (const change of changes) {
      if (change.revision > revision || !change.key.startsWith(place.prefix)) continue;
      newest.delete(change.key);
      newest.set(change.key, change);
    }
    const isQuiet = newest.size === 0 && (delayMsMax() === 0 || !drawOneIn(random, 4));
    if (!isQuiet) watcher.onChanges(revision, [...newest.values()]);
  }

  /** All of them, or some. */
  #drawEnd(revisions: readonly number[]): number {
    const { random, delayMsMax } = this.#options;
    const last = revisions.length - 1;
    const isWhole = delayMsMax() === 0 || drawOneIn(random, 2);
    return revisions[isWhole ? last : drawBetween(random, 0, last)] as number;
  }
}
