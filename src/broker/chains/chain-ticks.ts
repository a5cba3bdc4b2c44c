/** A chain's replica, as far as time concerns it. */
export interface Ticking {
  /** Takes a look at the time. */
  tick(): void;
  /** Until something happens to it, seldom looks are enough. */
  readonly isQuiet: boolean;
}

/**
 * Whom to tell of the time, and when: chains that something is under way in at every turn, quiet
 * ones once in `seldom` turns, spread evenly. An idle chain costs next to nothing.
 */
export class ChainTicks {
  readonly #awake = new Set<Ticking>();
  readonly #slots: readonly Set<Ticking>[];
  readonly #slotOf = new Map<Ticking, Set<Ticking>>();
  #turn = 0;

  constructor(seldom: number) {
    this.#slots = Array.from({ length: Math.max(1, seldom) }, () => new Set());
  }

  /** How many are told at every turn. */
  get awakeCount(): number {
    return this.#awake.size;
  }

  /** Something has happened to it, or it is new. */
  wake(chain: Ticking): void {
    if (this.#awake.has(chain)) return;
    this.#leaveSlot(chain);
    this.#awake.add(chain);
  }

  remove(chain: Ticking): void {
    this.#awake.delete(chain);
    this.#leaveSlot(chain);
  }

  turn(): void {
    const slot = this.#slots[this.#turn % this.#slots.length] as Set<Ticking>;
    this.#turn += 1;
    const told = [...slot, ...this.#awake];
    for (const chain of told) {
      chain.tick();
      // It may have ended meanwhile.
      if (this.#awake.has(chain) && chain.isQuiet) this.#sleep(chain, slot);
      else if (slot.has(chain) && !chain.isQuiet) this.wake(chain);
    }
  }

  #sleep(chain: Ticking, slot: Set<Ticking>): void {
    this.#awake.delete(chain);
    slot.add(chain);
    this.#slotOf.set(chain, slot);
  }

  #leaveSlot(chain: Ticking): void {
    this.#slotOf.get(chain)?.delete(chain);
    this.#slotOf.delete(chain);
  }
}
