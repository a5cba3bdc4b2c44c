import { expect, test } from "vitest";
import { VirtualClock } from "../base/virtual-clock.ts";
import { Deadlines } from "./deadlines.ts";
import { PendingWork } from "./pending-work.ts";

const clock = new VirtualClock();
const deadlines = new Deadlines(clock);

test("who waits no longer is told so, and nothing of his wait stays", async () => {
  const work = Promise.withResolvers<void>();
  const pending = new PendingWork(work.promise);
  const [short, long] = [pending.isDoneIn(deadlines, 100), pending.isDoneIn(deadlines, 1_000)];
  expect(pending.waitingCount).toBe(2);
  await clock.advance(200);
  expect(await short).toBe(false);
  expect(pending.waitingCount).toBe(1);
  work.resolve();
  expect(await long).toBe(true);
  expect(deadlines.count).toBe(0);
  expect(await pending.isDoneIn(deadlines, 0)).toBe(true);
});

test("work that fails fails all who wait for it, also those who come later", async () => {
  const work = Promise.withResolvers<void>();
  const pending = new PendingWork(work.promise);
  const waiting = pending.isDoneIn(deadlines, 100);
  work.reject(new Error("no"));
  await expect(waiting).rejects.toThrow("no");
  await expect(pending.isDoneIn(deadlines, 100)).rejects.toThrow("no");
  expect(deadlines.count).toBe(0);
});
