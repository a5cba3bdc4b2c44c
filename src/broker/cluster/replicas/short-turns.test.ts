import { expect, test } from "vitest";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { ShortTurns } from "./short-turns.ts";

test("work beyond what a turn takes waits for the next ones, in its order", async () => {
  const clock = new VirtualClock();
  const turns = new ShortTurns(clock, 3);
  const begun: number[] = [];
  const work = async (name: number): Promise<void> => {
    const wait = turns.enter();
    if (wait !== undefined) await wait;
    begun.push(name);
  };
  const all = Array.from({ length: 8 }, (_, name) => work(name));
  await Promise.resolve();
  expect(begun).toEqual([0, 1, 2]);
  void work(8);
  await clock.advance(0);
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  // Nobody is left: the next one begins at once, and nothing runs on.
  await work(9);
  await clock.advance(0);
  expect([begun.at(-1), clock.scheduledCount]).toEqual([9, 0]);
});
