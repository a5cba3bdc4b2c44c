import { expect, test } from "vitest";
import type { ChainConfig } from "./chain-config.ts";
import { clockDriftMax, isDeposed, isInForce, leaseHoldsUntil } from "./lease-term.ts";
import type { Member } from "./member.ts";

test("a lease is counted from the sending of its keep-alive, less what clocks may differ", () => {
  expect(leaseHoldsUntil(1_000, 2_000)).toBe(1_000 + 2_000 * (1 - clockDriftMax));
  // A clock that is slow by as much as is allowed ends it when the coordinator does.
  const slowClock = (realMs: number): number => realMs * (1 - clockDriftMax);
  expect(leaseHoldsUntil(0, 2_000)).toBeLessThanOrEqual(slowClock(2_000));
});

test("a lease is in force until it ends, once the image has reached its grant", () => {
  const standing = { holdsUntilMs: 1_000, sinceRevision: 7 };
  expect(isInForce(standing, { nowMs: 0, imageRevision: 6 })).toBe(false);
  expect(isInForce(standing, { nowMs: 0, imageRevision: 7 })).toBe(true);
  expect(isInForce(standing, { nowMs: 999, imageRevision: 8 })).toBe(true);
  expect(isInForce(standing, { nowMs: 1_000, imageRevision: 8 })).toBe(false);
});

test("a replica is deposed once another life leads in a later epoch than it runs in", () => {
  const [first, second, anew] = ["1a", "2a", "1b"].map(memberOf);
  const chain = (epoch: number, ...members: (Member | undefined)[]): ChainConfig => {
    const listed = members.filter((member) => member !== undefined);
    return { epoch, members: listed, joining: [], leaving: [], unclean: 0, replicas: [1, 2] };
  };
  const self = memberOf("1a");
  expect(isDeposed(undefined, { epoch: 3, self })).toBe(false);
  expect(isDeposed(chain(3, second, first), { epoch: 3, self })).toBe(false);
  expect(isDeposed(chain(4, first, second), { epoch: 3, self })).toBe(false);
  expect(isDeposed(chain(4, first), { epoch: 3, self })).toBe(false);
  expect(isDeposed(chain(4, second), { epoch: 3, self })).toBe(true);
  expect(isDeposed(chain(4, second, first), { epoch: 3, self })).toBe(true);
  expect(isDeposed(chain(4, anew), { epoch: 3, self })).toBe(true);
});

function memberOf(name: string): Member {
  return { id: Number(name[0]), incarnation: name, lineage: "" };
}
