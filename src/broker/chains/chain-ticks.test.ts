import { describe, expect, test } from "vitest";
import { ChainTicks, type Ticking } from "./chain-ticks.ts";

class Told implements Ticking {
  isQuiet = true;
  count = 0;
  onTick = (): void => {};

  tick(): void {
    this.count += 1;
    this.onTick();
  }
}

function run(ticks: ChainTicks, turns: number): void {
  for (let turn = 0; turn < turns; turn += 1) ticks.turn();
}

describe("the time", () => {
  test("is told to a quiet chain once in so many turns, to a busy one at each", () => {
    const ticks = new ChainTicks(10);
    const [quiet, busy] = [new Told(), new Told()];
    busy.isQuiet = false;
    ticks.wake(quiet);
    ticks.wake(busy);
    run(ticks, 100);
    expect([quiet.count, busy.count, ticks.awakeCount]).toEqual([10, 100, 1]);
  });

  test("is told at the next turn to whom something happens, and seldom again after it", () => {
    const ticks = new ChainTicks(10);
    const chain = new Told();
    ticks.wake(chain);
    run(ticks, 4);
    expect(chain.count).toBe(1);
    for (let round = 0; round < 5; round += 1) {
      ticks.wake(chain);
      run(ticks, 1);
    }
    expect(chain.count).toBe(6);
    // However often it woke, it sleeps in one place.
    run(ticks, 100);
    expect(chain.count).toBe(16);
  });

  test("is told at each turn to one that finds something to do when it looks", () => {
    const ticks = new ChainTicks(5);
    const chain = new Told();
    ticks.wake(chain);
    run(ticks, 5);
    chain.isQuiet = false;
    run(ticks, 10);
    expect(chain.count).toBeGreaterThan(9);
    chain.isQuiet = true;
    run(ticks, 1);
    expect(ticks.awakeCount).toBe(0);
  });

  test("is spread over the turns as chains came to rest", () => {
    const ticks = new ChainTicks(10);
    const chains = Array.from({ length: 100 }, () => new Told());
    for (const [at, chain] of chains.entries()) {
      ticks.wake(chain);
      if (at % 10 === 9) ticks.turn();
    }
    const before = chains.reduce((sum, { count }) => sum + count, 0);
    ticks.turn();
    expect(chains.reduce((sum, { count }) => sum + count, 0) - before).toBe(10);
  });

  test("is told no more to one that has ended, be it while it is told", () => {
    const ticks = new ChainTicks(3);
    const [one, other] = [new Told(), new Told()];
    one.onTick = () => ticks.remove(one);
    ticks.wake(one);
    ticks.wake(other);
    run(ticks, 2);
    ticks.remove(other);
    run(ticks, 10);
    expect([one.count, other.count, ticks.awakeCount]).toEqual([1, 1, 0]);
  });
});
