import { expect, test } from "vitest";
import { inParallel } from "./in-parallel.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("answers come in the order of the items, never more at a time than allowed", async () => {
  let running = 0;
  let most = 0;
  const answers = await inParallel([5, 1, 3, 0, 2], 2, async (ms) => {
    most = Math.max(most, ++running);
    await pause(ms);
    running--;
    return ms * 10;
  });
  expect(answers).toEqual([50, 10, 30, 0, 20]);
  expect(most).toBe(2);
});

test("after a failure nothing more starts, and what ran has ended when it is thrown", async () => {
  const told: string[] = [];
  const failing = inParallel([1, 2, 3, 4], 2, async (item) => {
    told.push(`start ${item}`);
    await pause(item * 5);
    told.push(`end ${item}`);
    if (item === 1) throw new Error("one");
  });
  await expect(failing).rejects.toThrow("one");
  expect(told).toEqual(["start 1", "start 2", "end 1", "end 2"]);
});

test("nothing to do is done", async () => {
  expect(await inParallel([], 3, async () => 1)).toEqual([]);
});
