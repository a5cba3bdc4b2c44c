import { expect, test } from "vitest";
import { median, percentile } from "./median.ts";
import { formatTable } from "./table.ts";

test("a median is the middle one or the mean of two", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("a percentile is the value that so many do not pass", () => {
  const numbers = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(numbers, 0.5)).toBe(50);
  expect(percentile(numbers, 0.99)).toBe(99);
  expect(percentile([7], 0.99)).toBe(7);
});

test("medians stand side by side with their ratio, a dash where there is no peer", () => {
  const scenario = {
    name: "produce",
    needsJava: false,
    figures: ["MB/s"],
    isHigherBetter: true,
    isWarmedUp: false,
    measure: async () => ({}),
  };
  const mine = [{ "MB/s": 300 }, { "MB/s": 100 }, { "MB/s": 200 }];
  const both = new Map([
    ["xylem", mine],
    ["kafka", [{ "MB/s": 80 }]],
  ]);
  expect(formatTable([{ scenario, runs: both }], "kafka")).toContain(
    "| produce | MB/s | 200 | 80.0 | 2.50 | 3 |",
  );
  const earlier = new Map([
    ["xylem", mine],
    ["xylem-before", [{ "MB/s": 100 }]],
  ]);
  const beside = formatTable([{ scenario, runs: earlier }], "xylem-before");
  expect(beside).toMatch(/Xylem \| before \|[^]*\| 200 \| 100 \| 2.00 \| 3 \|$/);
  const alone = new Map([["xylem", mine]]);
  expect(formatTable([{ scenario, runs: alone }], "kafka")).toContain("| 200 | - | - | 3 |");
});
