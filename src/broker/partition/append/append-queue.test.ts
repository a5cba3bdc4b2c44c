import { expect, test } from "vitest";
import { AppendQueue } from "./append-queue.ts";

const batch = (offset: number, isBehindGap: boolean) => ({
  bytes: new Uint8Array(100),
  baseOffset: offset,
  lastOffset: offset,
  maxTimestampMs: 0,
  newSegment: undefined,
  isBehindGap,
});

test("a write takes as much as it may, and the next one with a batch behind a gap", () => {
  const queue = new AppendQueue();
  for (const offset of [0, 1]) queue.push(batch(offset, false));
  for (const offset of [5, 8]) queue.push(batch(offset, true));
  for (const offset of [9, 10]) queue.push(batch(offset, false));
  expect(queue.run(250).map(({ baseOffset }) => baseOffset)).toEqual([0, 1]);
  expect(queue.run(300).map(({ baseOffset }) => baseOffset)).toEqual([0, 1, 5, 8, 9]);
});

test("a segment that begins without a batch is there before anything goes to it", () => {
  const queue = new AppendQueue();
  const newSegment = { snapshot: undefined };
  queue.push({ ...batch(4, false), bytes: undefined, baseOffset: 5, newSegment });
  queue.push(batch(5, false));
  expect(queue.run(1_000)).toHaveLength(1);
  queue.noteBegun();
  expect(queue.first).toMatchObject({ baseOffset: 5, newSegment: undefined });
});
