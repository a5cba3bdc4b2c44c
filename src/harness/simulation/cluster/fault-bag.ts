import type { Random } from "../../../base/random.ts";
import { drawBetween, drawOf } from "../../../simulation/draw.ts";
import type { World } from "../world.ts";

/** How often a fault is drawn against the others, and what it does. */
export interface Fault {
  readonly weight: number;
  readonly happen: () => Promise<void> | void;
}

export interface FaultBagOptions {
  readonly name: string;
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  readonly counts: Map<string, number>;
}

/** One source of misfortune: draws a fault, lets it happen, and rests. Several run side by side. */
export class FaultBag {
  readonly #world: World;
  readonly #options: FaultBagOptions;
  readonly #faults: Readonly<Record<string, Fault>>;
  readonly #bag: readonly string[];
  readonly random: Random;

  constructor(world: World, options: FaultBagOptions, faults: Readonly<Record<string, Fault>>) {
    this.#world = world;
    this.#options = options;
    this.#faults = faults;
    this.#bag = Object.entries(faults).flatMap(([name, { weight }]) =>
      Array.from({ length: weight }, () => name),
    );
    this.random = world.fork(`nemesis ${options.name}`);
  }

  async run(): Promise<void> {
    const { name: who, pauseMsMin, pauseMsMax, counts } = this.#options;
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.random, pauseMsMin, pauseMsMax));
      if (this.#world.isEnding) return;
      const fault = drawOf(this.random, this.#bag);
      counts.set(fault, (counts.get(fault) ?? 0) + 1);
      this.#world.record({ kind: "fault", fault });
      this.#world.tell("nemesis", `${who}: ${fault}`);
      await this.#faults[fault]?.happen();
      this.#world.tell("nemesis", `${who}: ${fault} is over`);
    }
  }
}
