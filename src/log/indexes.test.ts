import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OffsetIndex } from "./offset-index.ts";
import { SegmentIndexes } from "./segment-indexes.ts";
import { TimeIndex } from "./time-index.ts";

const sizes = fc.array(fc.integer({ min: 61, max: 5_000 }), { minLength: 1, maxLength: 60 });

/** Batches of two records, one after another. */
function fill(batchBytes: readonly number[], intervalBytes: number) {
  const indexes = new SegmentIndexes(100);
  const batches: { position: number; baseOffset: number }[] = [];
  let position = 0;
  for (const [index, sizeBytes] of batchBytes.entries()) {
    const baseOffset = 100 + index * 2;
    batches.push({ position, baseOffset });
    const maxTimestampMs = 1_000 + ((index * 7) % 13);
    indexes.add({ position, sizeBytes, lastOffset: baseOffset + 1, maxTimestampMs }, intervalBytes);
    position += sizeBytes;
  }
  return { indexes, batches, logSizeBytes: position };
}

describe("offset index", () => {
  test("a lookup never starts past the batch, nor further before it than the interval", () => {
    const check = fc.property(sizes, fc.integer({ min: 0, max: 8_000 }), (batchBytes, interval) => {
      const { indexes, batches } = fill(batchBytes, interval);
      for (const { position, baseOffset } of batches) {
        for (const offset of [baseOffset, baseOffset + 1]) {
          const found = indexes.offsets.findPosition(offset);
          expect(found).toBeLessThanOrEqual(position);
          expect(position - found).toBeLessThanOrEqual(interval + 5_000);
        }
      }
    });
    fc.assert(check);
  });

  test("what is written reads back equal, and a zero-filled tail ends it", () => {
    const check = fc.property(sizes, (batchBytes) => {
      const { indexes, logSizeBytes } = fill(batchBytes, 1_000);
      const bytes = indexes.offsets.toBytes();
      const whole = OffsetIndex.parse(100, bytes, logSizeBytes);
      expect(whole.isWhole).toBe(true);
      expect(whole.index.toBytes()).toEqual(bytes);
      const padded = new Uint8Array(bytes.length + 24);
      padded.set(bytes);
      const parsed = OffsetIndex.parse(100, padded, logSizeBytes);
      expect(parsed.isWhole).toBe(false);
      expect(parsed.index.toBytes()).toEqual(bytes);
    });
    fc.assert(check);
  });

  test("entries of batches that were cut off go", () => {
    const index = new OffsetIndex(0);
    for (const [offset, position] of [
      [5, 100],
      [9, 200],
      [12, 300],
    ] as const) {
      index.append(offset, position);
    }
    index.truncateToPosition(200);
    expect([index.count, index.lastOffset, index.lastPosition]).toEqual([1, 5, 100]);
  });
});

describe("time index", () => {
  test("takes only later times, and finds where a search must begin", () => {
    const index = new TimeIndex(50);
    index.appendIfLater(10, 52);
    index.appendIfLater(10, 60);
    index.appendIfLater(9, 61);
    index.appendIfLater(20, 70);
    expect(index.count).toBe(2);
    expect([5, 10, 19, 20, 99].map((time) => index.findEntry(time)?.offset ?? 50)).toEqual([
      50, 52, 52, 70, 70,
    ]);
    expect(TimeIndex.parse(50, index.toBytes()).index.last).toEqual({
      timestampMs: 20,
      offset: 70,
    });
  });

  test("keeps its last slot for the entry that closing adds", () => {
    const indexes = new SegmentIndexes(0);
    for (let index = 0; index < 50; index += 1) {
      const place = { position: index * 100, sizeBytes: 100, lastOffset: index };
      if (indexes.isFull(60)) break;
      indexes.add({ ...place, maxTimestampMs: index }, 0);
    }
    expect(indexes.times.count).toBe(4);
  });
});
