import { expect, test } from "vitest";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { HeldLease, type LeaseKeeper } from "./held-lease.ts";

type Answer = (isThere: boolean) => void;

/** A coordinator that answers when the test says so. */
class Keeper implements LeaseKeeper {
  readonly asked: { attempt: number; answer: Answer; fail: () => void }[] = [];
  isQuick = true;
  ended = 0;

  renew(_id: string, { attempt }: { attempt: number }): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.asked.push({ attempt, answer: resolve, fail: () => reject(new Error("no answer")) });
      if (this.isQuick) resolve(true);
    });
  }

  end(): Promise<void> {
    this.ended += 1;
    return Promise.resolve();
  }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

function hold(ttlMs = 3_000) {
  const clock = new VirtualClock({ settle });
  const keeper = new Keeper();
  const lease = new HeldLease({ id: "a", ttlMs, sentMs: 0 }, keeper, clock);
  const lost: number[] = [];
  lease.onLost(() => lost.push(clock.monotonicMs()));
  return { clock, keeper, lease, lost };
}

test("a lease is renewed six times in its time while the coordinator answers", async () => {
  const { clock, keeper, lease, lost } = hold();
  let renewals = 0;
  lease.onRenewed(() => (renewals += 1));
  await clock.advance(30_400);
  expect([keeper.asked.length, renewals, lost]).toEqual([60, 60, []]);
  expect(lease.holdsUntilMs).toBe(30_000 + 2_700);
});

test("without answers it is lost before the coordinator lets it go", async () => {
  const { clock, keeper, lease, lost } = hold();
  keeper.isQuick = false;
  await clock.advance(60_000);
  expect(lost).toEqual([2_700]);
  expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
});

test("a keep-alive counts from when it was sent, not from its answer", async () => {
  const { clock, keeper, lease, lost } = hold();
  keeper.isQuick = false;
  await clock.advance(1_000);
  await clock.advance(1_000);
  keeper.asked[0]!.answer(true);
  await settle();
  expect(lease.holdsUntilMs).toBe(500 + 2_700);
  await clock.advance(10_000);
  expect(lost).toEqual([3_200]);
});

test("an answer after its time does not bring it back", async () => {
  const { clock, keeper, lost } = hold();
  keeper.isQuick = false;
  await clock.advance(2_700);
  for (const { answer } of keeper.asked) answer(true);
  await clock.advance(10_000);
  expect(lost).toEqual([2_700]);
});

test("an answer that comes before the alarm, after a pause, does not bring it back", async () => {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, schedule: () => () => {} };
  const alarms: (() => void)[] = [];
  const paused = {
    ...clock,
    schedule: (_: number, run: () => void) => (alarms.push(run), () => {}),
  };
  const keeper = new Keeper();
  keeper.isQuick = false;
  const lease = new HeldLease({ id: "a", ttlMs: 3_000, sentMs: 0 }, keeper, paused);
  let lost = 0;
  lease.onLost(() => (lost += 1));
  nowMs = 1_000;
  alarms[1]!();
  nowMs = 3_500;
  keeper.asked[0]!.answer(true);
  await settle();
  expect([lost, lease.holdsUntilMs]).toEqual([1, Number.NEGATIVE_INFINITY]);
});

test("an answer that is slow is asked for again beside it, another way", async () => {
  const { clock, keeper, lease } = hold();
  keeper.isQuick = false;
  await clock.advance(2_100);
  expect(keeper.asked.map(({ attempt }) => attempt)).toEqual([0, 1, 2, 3]);
  keeper.asked[1]!.answer(true);
  await settle();
  expect(lease.holdsUntilMs).toBe(1_000 + 2_700);
});

test("answers that come in another order than asked never shorten it", async () => {
  const { clock, keeper, lease } = hold();
  keeper.isQuick = false;
  await clock.advance(1_600);
  keeper.asked[1]!.answer(true);
  await settle();
  keeper.asked[0]!.answer(true);
  await settle();
  expect(lease.holdsUntilMs).toBe(1_000 + 2_700);
});

test("refused attempts are followed by others until it runs out", async () => {
  const { clock, keeper, lost } = hold(60_000);
  keeper.isQuick = false;
  await clock.advance(10_000);
  keeper.asked[0]!.fail();
  await clock.advance(2_999);
  expect(keeper.asked.length).toBe(1);
  await clock.advance(1);
  expect(keeper.asked.length).toBe(2);
  await clock.advance(60_000);
  expect([keeper.asked.length, lost]).toEqual([6, [54_000]]);
});

test("a coordinator that no longer knows it has lost it at once, and it is told once", async () => {
  const { clock, keeper, lost, lease } = hold();
  keeper.isQuick = false;
  await clock.advance(1_600);
  for (const { answer } of keeper.asked) answer(false);
  await settle();
  expect(lost).toEqual([1_600]);
  let late = 0;
  lease.onLost(() => (late += 1));
  expect(late).toBe(0);
  await clock.advance(0);
  expect([late, lost]).toEqual([1, [1_600]]);
});

test("a revoked lease holds no longer from the call on, and nobody is told of a loss", async () => {
  const { clock, keeper, lost, lease } = hold();
  const revoked = lease.revoke();
  expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
  await revoked;
  await clock.advance(10_000);
  expect([keeper.ended, keeper.asked.length, lost]).toEqual([1, 0, []]);
  expect(clock.scheduledCount).toBe(0);
});
