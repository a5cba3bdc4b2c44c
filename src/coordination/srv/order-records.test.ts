import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../base/seeded-random.ts";
import { orderRecords } from "./order-records.ts";

const records = fc.array(
  fc.record({
    name: fc.constantFrom("one", "two", "three"),
    port: fc.integer({ min: 1, max: 65_535 }),
    priority: fc.integer({ min: 0, max: 3 }),
    weight: fc.integer({ min: 0, max: 65_535 }),
  }),
  { maxLength: 20 },
);

test("every record comes once, the lower priorities first", () => {
  fc.assert(
    fc.property(records, fc.integer(), (given, seed) => {
      const ordered = orderRecords(given, new SeededRandom(seed));
      expect(new Set(ordered)).toEqual(new Set(given));
      expect(ordered).toHaveLength(given.length);
      const priorities = ordered.map(({ priority }) => priority);
      expect(priorities).toEqual(priorities.toSorted((one, other) => one - other));
    }),
  );
});

test("within a priority each comes first as often as its weight says", () => {
  const random = new SeededRandom(7);
  const given = [
    { name: "heavy", port: 1, priority: 0, weight: 60 },
    { name: "light", port: 1, priority: 0, weight: 20 },
    { name: "other", port: 1, priority: 0, weight: 20 },
    { name: "spare", port: 1, priority: 1, weight: 65_535 },
  ];
  const counts: Record<string, number> = {};
  for (let round = 0; round < 10_000; round += 1) {
    const name = orderRecords(given, random)[0]?.name ?? "";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  expect(counts["heavy"]).toBeGreaterThan(5_700);
  expect(counts["heavy"]).toBeLessThan(6_300);
  expect(counts["light"]).toBeGreaterThan(1_800);
  expect(counts["light"]).toBeLessThan(2_200);
  expect(counts["spare"]).toBeUndefined();
});
