import { expect, test } from "vitest";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { Cancellation } from "../../ports/compactor.ts";
import { Pacer } from "./pacer.ts";

const mebibyte = 1024 ** 2;

async function settled(work: Promise<void>): Promise<string> {
  return Promise.race([
    work.then(
      () => "done",
      () => "ended",
    ),
    new Promise<string>((resolve) => setImmediate(() => resolve("waits"))),
  ]);
}

test("bytes pass at the rate that was set, whatever the steps", async () => {
  const clock = new VirtualClock();
  const pacer = new Pacer(clock, mebibyte, new Cancellation());
  let isDone = false;
  const work = (async () => {
    for (let step = 0; step < 100; step += 1) await pacer.pass(mebibyte / 10);
    isDone = true;
  })();
  while (!isDone) {
    await clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await work;
  expect(clock.monotonicMs()).toBeGreaterThan(9_000);
  expect(clock.monotonicMs()).toBeLessThan(11_500);
});

test("others get a turn after every step, without any rate", async () => {
  const clock = new VirtualClock();
  const passing = new Pacer(clock, Infinity, new Cancellation()).pass(mebibyte);
  expect(await settled(passing)).toBe("waits");
  await clock.advance(0);
  expect(await settled(passing)).toBe("done");
});

test("a wish to end is heard in the middle of a wait", async () => {
  const clock = new VirtualClock();
  const cancellation = new Cancellation();
  const passing = new Pacer(clock, 1, cancellation).pass(mebibyte);
  expect(await settled(passing)).toBe("waits");
  cancellation.wish();
  expect(await settled(passing)).toBe("ended");
  expect(clock.scheduledCount).toBe(0);
});
