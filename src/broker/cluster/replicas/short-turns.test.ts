import { expect, test } from "vitest";
import { ShortTurns } from "./short-turns.ts";

test("work beyond what a turn takes waits for the next ones, in its order", async () => {
  const nextTurn: (() => void)[] = [];
  const turns = new ShortTurns((work) => void nextTurn.push(work), 3);
  const begun: number[] = [];
  const work = async (name: number): Promise<void> => {
    const wait = turns.enter();
    if (wait !== undefined) await wait;
    begun.push(name);
  };
  const turn = async (): Promise<void> => {
    for (const run of nextTurn.splice(0)) run();
    await Promise.resolve();
  };
  const all = Array.from({ length: 7 }, (_, name) => work(name));
  expect(begun).toEqual([0, 1, 2]);
  await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  all.push(work(7));
  await turn();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await turn();
  // Nobody is left: the next one begins at once.
  await work(8);
  expect([begun.at(-1), nextTurn.length]).toEqual([8, 1]);
});
