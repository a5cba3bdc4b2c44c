import { expect, test } from "vitest";
import { VirtualClock } from "../base/virtual-clock.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";

function recorder(): { readonly entry: (name: string) => Expiring; readonly expired: string[] } {
  const expired: string[] = [];
  return { expired, entry: (name) => ({ expire: () => expired.push(name) }) };
}

test("a deadline expires once, when its time has come and not before", async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const { entry, expired } = recorder();
  deadlines.add(entry("late"), 1_000);
  deadlines.add(entry("soon"), 100);
  await clock.advance(99);
  expect(expired).toEqual([]);
  await clock.advance(6);
  expect(expired).toEqual(["soon"]);
  await clock.advance(10_000);
  expect(expired).toEqual(["soon", "late"]);
  expect(deadlines.count).toBe(0);
});

test("what was removed does not expire, and its neighbours do", async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const { entry, expired } = recorder();
  const removed = entry("removed");
  const slot = deadlines.add(removed, 50);
  deadlines.add(entry("kept"), 50);
  deadlines.remove(removed, slot);
  deadlines.remove(removed, slot);
  await clock.advance(60);
  expect(expired).toEqual(["kept"]);
});

test("a time limit that is over already expires at the next turn", async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const { entry, expired } = recorder();
  deadlines.add(entry("zero"), 0);
  deadlines.add(entry("negative"), -5);
  expect(expired).toEqual([]);
  await clock.advance(5);
  expect(expired).toEqual(["zero", "negative"]);
});

test("an entry may wait again from within its expiry", async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  let count = 0;
  const again: Expiring = {
    expire: () => {
      count += 1;
      if (count < 3) deadlines.add(again, 20);
    },
  };
  deadlines.add(again, 20);
  await clock.advance(100);
  expect(count).toBe(3);
});

test("closed deadlines never expire", async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const { entry, expired } = recorder();
  deadlines.add(entry("one"), 10);
  deadlines.close();
  await clock.advance(100);
  expect(expired).toEqual([]);
});
