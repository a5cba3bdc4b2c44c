import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Assignment } from "../consumer-events.ts";
import { assignors, chooseAssignor, type AssignedMember } from "./assignor.ts";

type Targets = ReadonlyMap<string, Assignment>;

function member(
  id: string,
  topicIds: readonly string[],
  previous: Record<string, number[]> = {},
): AssignedMember {
  return { id, instanceId: null, topicIds, previous: new Map(Object.entries(previous)) };
}

function countOf(target: Assignment | undefined): number {
  return [...(target?.values() ?? [])].reduce((sum, { length }) => sum + length, 0);
}

function plain(targets: Targets): Record<string, Record<string, readonly number[]>> {
  return Object.fromEntries([...targets].map(([id, one]) => [id, Object.fromEntries(one)]));
}

/** The same members with what they have been given. */
function settled(members: readonly AssignedMember[], targets: Targets): AssignedMember[] {
  return members.map((one) => ({ ...one, previous: targets.get(one.id) ?? new Map() }));
}

const topicIds = ["a", "b", "c"];
const counts = fc
  .tuple(fc.nat(9), fc.nat(9), fc.nat(9))
  .map((sizes) => new Map(topicIds.map((id, at) => [id, sizes[at] as number])));
const subscriptions = fc.array(fc.subarray(topicIds), { minLength: 1, maxLength: 8 });

describe.each(["uniform", "range"] as const)("%s", (name) => {
  const assign = assignors[name];

  test("each partition of a subscribed topic goes to one subscriber", () => {
    const run = (topics: string[][], again: string[][], partitionCounts: Map<string, number>) => {
      const first = topics.map((some, at) => member(`m${at}`, some));
      const targets = assign({ members: first, partitionCounts });
      const second = again.map((some, at) => ({
        ...member(`m${at}`, some),
        previous: targets.get(`m${at}`) ?? new Map(),
      }));
      const given: string[] = [];
      for (const [id, target] of assign({ members: second, partitionCounts })) {
        const own = second.find((one) => one.id === id)?.topicIds;
        for (const [topicId, partitions] of target) {
          expect(own).toContain(topicId);
          for (const partition of partitions) given.push(`${topicId}-${partition}`);
        }
      }
      const wanted = topicIds
        .filter((id) => again.some((some) => some.includes(id)))
        .flatMap((id) =>
          Array.from({ length: partitionCounts.get(id) ?? 0 }, (_, at) => `${id}-${at}`),
        );
      expect(given.toSorted()).toEqual(wanted.toSorted());
    };
    fc.assert(fc.property(subscriptions, subscriptions, counts, run));
  });

  test("without a change nothing moves", () => {
    const run = (topics: string[][], partitionCounts: Map<string, number>) => {
      const members = topics.map((some, at) => member(`m${at}`, some));
      const targets = assign({ members, partitionCounts });
      const again = assign({ members: settled(members, targets).toReversed(), partitionCounts });
      for (const [id, target] of targets) expect(again.get(id)).toEqual(target);
    };
    fc.assert(fc.property(subscriptions, counts, run));
  });
});

describe("uniform", () => {
  const assign = assignors.uniform;

  test("members with equal subscriptions differ by one partition at most", () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 12 }),
      fc.nat(40),
      fc.integer({ min: 1, max: 12 }),
    );
    const run = ([memberCount, size, laterCount]: [number, number, number]) => {
      const partitionCounts = new Map([["a", size]]);
      const all = Array.from({ length: Math.max(memberCount, laterCount) }, (_, at) =>
        member(`m${at}`, ["a"]),
      );
      const before = settled(all, assign({ members: all.slice(0, memberCount), partitionCounts }));
      const members = before.slice(0, laterCount);
      const targets = assign({ members, partitionCounts });
      const loads = members.map(({ id }) => countOf(targets.get(id)));
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      // Whoever stays keeps all that an even share allows.
      for (const { id, previous } of members) {
        const had = previous.get("a") ?? [];
        const kept = had.filter((one) => targets.get(id)?.get("a")?.includes(one) === true);
        const share = Math.floor(size / laterCount);
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(had.length, share));
      }
    };
    fc.assert(fc.property(sizes, run));
  });

  test("a member of a crowded topic gets more of the one that it has alone", () => {
    const members = [member("x", ["a", "b"]), member("y", ["a"])];
    const targets = assign({
      members,
      partitionCounts: new Map([
        ["a", 2],
        ["b", 2],
      ]),
    });
    expect(plain(targets)).toEqual({ x: { b: [0, 1] }, y: { a: [0, 1] } });
  });

  test("partitions that are no more, and topics given up, are not kept", () => {
    const members = [member("x", ["a"], { a: [0, 7], gone: [0] })];
    const targets = assign({ members, partitionCounts: new Map([["a", 2]]) });
    expect(plain(targets)).toEqual({ x: { a: [0, 1] } });
  });
});

describe("range", () => {
  const assign = assignors.range;

  test("equal partitions of topics with the same subscribers meet at one member", () => {
    const members = ["x", "y", "z"].map((id) => member(id, ["a", "b"]));
    const targets = assign({
      members,
      partitionCounts: new Map([
        ["a", 5],
        ["b", 5],
      ]),
    });
    expect(plain(targets)).toEqual({
      x: { a: [0, 1], b: [0, 1] },
      y: { a: [2, 3], b: [2, 3] },
      z: { a: [4], b: [4] },
    });
  });

  test("a newcomer stands behind those who were there", () => {
    const members = [member("b", ["a"], { a: [0, 1, 2, 3] }), member("a", ["a"])];
    const targets = assign({ members, partitionCounts: new Map([["a", 4]]) });
    expect(plain(targets)).toEqual({ a: { a: [2, 3] }, b: { a: [0, 1] } });
  });
});

test.each([
  [[], "uniform"],
  [[null, "range"], "range"],
  [["range", "uniform"], "uniform"],
  [["range", "uniform", "range"], "range"],
] as const)("of the votes %j comes %s", (votes, chosen) => {
  expect(chooseAssignor(votes, ["uniform", "range"])).toBe(chosen);
});
