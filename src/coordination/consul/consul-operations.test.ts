import { expect, test } from "vitest";
import type { Lease } from "../../broker/ports/lease.ts";
import { keysToLookAt, type KeyState, planOperations } from "./consul-operations.ts";

const lease = { id: "mine" } as Lease;
const found = (key: string, state: KeyState) => new Map([[key, state]]);

test("a compared key that is written takes one operation", () => {
  const [compares, writes] = [[{ key: "a", revision: 7 }], [{ key: "a", value: "1" }]];
  expect(planOperations(compares, writes, found("a", { revision: 7 }))).toEqual([
    { verb: "cas", key: "a", value: "1", index: 7, asks: "compare" },
  ]);
});

test("a key that is not compared is written as it was found, or the change is made anew", () => {
  const writes = [{ key: "a", value: "1" }];
  expect(planOperations([], writes, found("a", { revision: 7 }))).toEqual([
    { verb: "cas", key: "a", value: "1", index: 7 },
  ]);
});

test("a key that must be absent is not looked at; nor is one that is deleted or compared", () => {
  const compares = [
    { key: "a", revision: 0 },
    { key: "b", revision: 3 },
  ];
  const writes = [
    { key: "a", value: "1" },
    { key: "c", value: null },
    { key: "d", value: "1" },
  ];
  expect(keysToLookAt(compares, writes)).toEqual(["d"]);
});

test("a compare that does not hold for what was found is a conflict at once", () => {
  const compares = [{ key: "a", revision: 7 }];
  const writes = [{ key: "a", value: "1" }];
  expect(planOperations(compares, writes, found("a", { revision: 8 }))).toBeUndefined();
  const both = [...compares, { key: "a", revision: 8 }];
  expect(planOperations(both, [], new Map())).toBeUndefined();
});

test("a key bound to another lease is let go of before it is written", () => {
  const state = found("a", { revision: 7, lease: "other" });
  expect(planOperations([], [{ key: "a", value: "1" }], state)).toEqual([
    { verb: "check-index", key: "a", index: 7 },
    { verb: "unlock", key: "a", value: "1", session: "other" },
  ]);
  expect(planOperations([], [{ key: "a", value: "1", lease }], state)?.at(-1)).toEqual({
    verb: "lock",
    key: "a",
    value: "1",
    session: "mine",
    asks: "lease",
  });
});

test("a key bound to the same lease is written within it", () => {
  const state = found("a", { revision: 7, lease: "mine" });
  const compares = [{ key: "a", revision: 7 }];
  const operations = planOperations(compares, [{ key: "a", value: "1", lease }], state);
  expect(operations?.map(({ verb }) => verb)).toEqual(["check-index", "lock"]);
});

test("what must be absent and is deleted is only compared", () => {
  const compares = [{ key: "a", revision: 0 }];
  expect(planOperations(compares, [{ key: "a", value: null }], new Map())).toEqual([
    { verb: "check-not-exists", key: "a", asks: "compare" },
  ]);
});

test("more operations than Consul takes are refused before it is asked", () => {
  const writes = Array.from({ length: 40 }, (_, at) => ({ key: `k${at}`, value: "1" }));
  const bound = new Map(writes.map(({ key }) => [key, { revision: 7, lease: "other" }]));
  expect(() => planOperations([], writes, bound)).toThrowError(
    expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }),
  );
});
