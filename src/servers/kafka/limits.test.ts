import { expect, test } from "vitest";
import { IntakeBudget } from "./limits.ts";

test("who finds the intake used up reads on when requests are done", () => {
  const budget = new IntakeBudget(() => 100);
  let resumed = 0;
  budget.take(60);
  expect(budget.hasRoom).toBe(true);
  budget.take(60);
  expect(budget.hasRoom).toBe(false);
  budget.await({ resumeReading: () => (resumed += 1) });
  budget.give(10);
  expect(resumed).toBe(0);
  budget.give(60);
  expect(resumed).toBe(1);
  budget.give(50);
  expect(resumed).toBe(1);
});

test("a connection that has gone is not resumed", () => {
  const budget = new IntakeBudget(() => 1);
  let resumed = 0;
  const paused = { resumeReading: () => (resumed += 1) };
  budget.take(2);
  budget.await(paused);
  budget.forget(paused);
  budget.give(2);
  expect(resumed).toBe(0);
});

test("unfinished requests have a bound of their own that shrinking never breaks", () => {
  const budget = new IntakeBudget(() => 100);
  expect(budget.changeUnfinished(100)).toBe(true);
  expect(budget.changeUnfinished(1)).toBe(false);
  expect(budget.changeUnfinished(-1)).toBe(true);
  expect(budget.hasRoom).toBe(true);
});

test("an intake of -1 has no bound", () => {
  const budget = new IntakeBudget(() => -1);
  budget.take(1e12);
  expect(budget.hasRoom).toBe(true);
  expect(budget.changeUnfinished(1e12)).toBe(true);
});
