import { describe, expect, test } from "vitest";
import { parseDuration } from "./duration.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("callbacks run at their moment, in order, and see it as now", async () => {
  const clock = new VirtualClock({ startMs: 1_000 });
  const seen: string[] = [];
  clock.schedule(20, () => seen.push(`b${clock.nowMs()}`));
  clock.schedule(10, () => seen.push(`a${clock.nowMs()}`));
  clock.schedule(10, () => seen.push("a2"));
  clock.schedule(31, () => seen.push("late"));
  await clock.advance("30ms");
  expect(seen).toEqual(["a1010", "a2", "b1020"]);
  expect([clock.nowMs(), clock.monotonicMs(), clock.scheduledCount]).toEqual([1_030, 30, 1]);
});

test("a callback that schedules within the span runs in the same advance", async () => {
  const clock = new VirtualClock();
  const ticks: number[] = [];
  const tick = (): void => {
    ticks.push(clock.monotonicMs());
    clock.schedule(1_000, tick);
  };
  clock.schedule(1_000, tick);
  await clock.advance("3s");
  expect(ticks).toEqual([1_000, 2_000, 3_000]);
});

test("a cancelled callback never runs", async () => {
  const clock = new VirtualClock();
  const cancel = clock.schedule(5, () => expect.unreachable());
  cancel();
  cancel();
  await clock.advance(10);
});

test("work that a callback starts settles before time moves on", async () => {
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const clock = new VirtualClock({ settle });
  let doneAtMs = -1;
  clock.schedule(10, () => void Promise.resolve().then(() => (doneAtMs = clock.monotonicMs())));
  clock.schedule(11, () => {});
  await clock.advance(50);
  expect(doneAtMs).toBe(10);
});

test.each([
  ["31s", 31_000],
  ["1h30m", 5_400_000],
  ["250ms", 250],
  ["1.5s", 1_500],
  ["7d", 604_800_000],
  ["42", 42],
  [9, 9],
])("%s is a duration", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(["", "s", "-1s", "1 s", "3 weeks", -1, Number.NaN])("%s is none", (text) =>
  expect(() => parseDuration(text)).toThrow(RangeError),
);

describe("a clock that goes on with another", () => {
  test("runs what falls due by itself, and what an advance brings nearer", async () => {
    const real = new VirtualClock();
    const clock = new VirtualClock({ startMs: 1_000, flow: real });
    const ran: string[] = [];
    clock.schedule(10, () => ran.push("soon"));
    clock.schedule(1_000, () => ran.push("late"));
    await real.advance(10);
    expect(ran).toEqual(["soon"]);
    await clock.advance(900);
    expect([clock.nowMs(), clock.monotonicMs(), ran.length]).toEqual([1_910, 910, 1]);
    await real.advance(89);
    expect(ran).toEqual(["soon"]);
    await real.advance(1);
    expect(ran).toEqual(["soon", "late"]);
  });

  test("a callback that was cancelled is not run; those after it are", async () => {
    const real = new VirtualClock();
    const clock = new VirtualClock({ flow: real });
    const ran: string[] = [];
    const cancel = clock.schedule(10, () => ran.push("cancelled"));
    clock.schedule(20, () => ran.push("kept"));
    cancel();
    await real.advance(20);
    expect(ran).toEqual(["kept"]);
  });

  test("what is scheduled while callbacks run falls due in its turn", async () => {
    const real = new VirtualClock();
    const clock = new VirtualClock({ flow: real });
    const atMs: number[] = [];
    const again = (): void => {
      atMs.push(clock.monotonicMs());
      if (atMs.length < 3) clock.schedule(10, again);
    };
    clock.schedule(10, again);
    await real.advance(100);
    expect(atMs).toEqual([10, 20, 30]);
  });
});
