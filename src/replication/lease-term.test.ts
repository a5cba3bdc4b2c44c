import { expect, test } from "vitest";
import { clockDriftMax, LeaseTerm, leaseHoldsUntil } from "./lease-term.ts";

test("a lease is counted from the sending of its keep-alive, less what clocks may differ", () => {
  expect(leaseHoldsUntil(1_000, 2_000)).toBe(1_000 + 2_000 * (1 - clockDriftMax));
  // A clock that is slow by as much as is allowed ends it when the coordinator does.
  const slowClock = (realMs: number): number => realMs * (1 - clockDriftMax);
  expect(leaseHoldsUntil(0, 2_000)).toBeLessThanOrEqual(slowClock(2_000));
});

test("it holds from its grant on, once the image has reached that", () => {
  const lease = new LeaseTerm();
  expect(lease.holds(0)).toBe(false);
  lease.granted(1_000, 7);
  lease.imageReached(6);
  expect(lease.holds(0)).toBe(false);
  lease.imageReached(7);
  expect(lease.holds(999)).toBe(true);
  expect(lease.holds(1_000)).toBe(false);
});

test("a renewal never takes time away, a loss takes all", () => {
  const lease = new LeaseTerm();
  lease.granted(1_000, 0);
  lease.imageReached(0);
  lease.renewed(500);
  expect(lease.holds(999)).toBe(true);
  lease.renewed(2_000);
  expect(lease.holds(1_999)).toBe(true);
  lease.lost();
  expect(lease.holds(0)).toBe(false);
  lease.granted(3_000, 9);
  expect(lease.holds(2_500)).toBe(false);
});
