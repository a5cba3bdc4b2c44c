import { expect, test } from "vitest";
import { groupPartition } from "./group-partition.ts";

// Each hash is that of Java's String.hashCode.
test.each([
  ["", 0],
  ["a", 97],
  ["group", 98_629_247],
  ["console-consumer-12345", 158_455_506],
  ["ü€😀", 17_318_035],
])("group %j lies in the partition that its Java hash gives", (group, hash) => {
  expect(groupPartition(group, 50)).toBe(Math.abs(hash) % 50);
  expect(groupPartition(group, 7)).toBe(Math.abs(hash) % 7);
});

test("the one hash without an absolute value counts as 0", () => {
  // The hash of this word is -2147483648.
  expect(groupPartition("polygenelubricants", 50)).toBe(0);
});
