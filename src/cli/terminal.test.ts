import { expect, test } from "vitest";
import { formatJson, formatTable } from "./terminal.ts";

test("a table aligns text left and numbers right", () => {
  const rows = [
    { topic: "orders", partitions: 12, owner: null },
    { topic: "a", partitions: 3n, owner: "x" },
  ];
  expect(formatTable(rows, "")).toBe(
    ["topic   partitions  owner", "orders          12  -", "a                3  x"].join("\n"),
  );
});

test("an empty table says so", () => expect(formatTable([], "no topics")).toBe("no topics"));

test("offsets in JSON are numbers where a number holds them", () => {
  expect(formatJson({ small: 7n, large: 2n ** 60n })).toBe(
    '{"small":7,"large":"1152921504606846976"}',
  );
});
