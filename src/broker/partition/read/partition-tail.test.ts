import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { RecordBatch } from "../../../protocol/record-batch.ts";
import type { ReadOptions, ReadResult } from "../partition-log.ts";
import { PartitionTail } from "./partition-tail.ts";
import { TailCache } from "./tail-cache.ts";

interface Written {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly isSegmentStart: boolean;
}

const mebibyte = 1024 * 1024;
const everything = { sizeBytesMax: mebibyte, wholeFirst: true, upTo: Infinity };

/** A batch of so many records behind `baseOffset`, of about so many bytes. */
function written(baseOffset: number, recordCount: number, sizeBytes: number): Written {
  const values = Array.from({ length: recordCount }, () => "x".repeat(sizeBytes / recordCount));
  const bytes = batchOf(values).slice();
  new RecordBatch(bytes).assignOffset(baseOffset, 0);
  const lastOffset = baseOffset + recordCount - 1;
  return { bytes, baseOffset, lastOffset, isSegmentStart: false };
}

/** Appends batches of one record and so many bytes; answers the next offset. */
function fill(tail: PartitionTail, count: number, sizeBytes: number, from = 0): number {
  for (let offset = from; offset < from + count; offset += 1) {
    const batch = written(offset, 1, sizeBytes);
    tail.add(batch.bytes, batch, false);
  }
  return from + count;
}

/** What PartitionLog.read promises, read off a list of batches. */
function expected(log: readonly Written[], offset: number, options: ReadOptions): Uint8Array {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const batch of log) {
    if (batch.lastOffset < offset) continue;
    if (chunks.length > 0 && batch.isSegmentStart) break;
    sizeBytes += batch.bytes.length;
    const isForced = chunks.length === 0 && options.wholeFirst;
    if (batch.lastOffset >= options.upTo) break;
    if (sizeBytes > options.sizeBytesMax && !isForced) break;
    chunks.push(batch.bytes);
  }
  return joinBytes(chunks);
}

const batches = fc.array(
  fc.record({
    recordCount: fc.integer({ min: 1, max: 5 }),
    sizeBytes: fc.constantFrom(10, 200, 3_000, 5_000, 40_000),
    isSegmentStart: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
);

describe("the tail of a partition", () => {
  test("reads as the log it is the end of, for every offset and limit", () => {
    const limit = fc.constantFrom(0, 1, 100, 350, 5_000, 50_000, mebibyte);
    const check = fc.property(batches, limit, fc.boolean(), (plan, sizeBytesMax, wholeFirst) => {
      const tail = new PartitionTail(new TailCache(150_000), 3);
      const log: Written[] = [];
      let end = 0;
      for (const { recordCount, sizeBytes, isSegmentStart } of plan) {
        const batch = { ...written(end, recordCount, sizeBytes), isSegmentStart };
        log.push(batch);
        tail.add(batch.bytes, batch, isSegmentStart);
        end = batch.lastOffset + 1;
      }
      let hits = 0;
      for (let offset = 0; offset < end; offset += 1) {
        for (const upTo of [offset + 1, offset + 4, end]) {
          const options = { sizeBytesMax, wholeFirst, upTo };
          const result = tail.read(offset, options);
          if (result === undefined) continue;
          hits += 1;
          expect(result.sizeBytes).toBe(joinBytes(result.chunks).length);
          expect(joinBytes(result.chunks)).toEqual(expected(log, offset, options));
        }
      }
      expect(hits).toBeGreaterThan(0);
      expect(tail.read(end, everything)).toBeUndefined();
    });
    fc.assert(check, { numRuns: 60 });
  });

  test("has no answer for what was let go, and loses the oldest first", () => {
    const cache = new TailCache(40_000);
    const tail = new PartitionTail(cache, 0);
    const end = fill(tail, 20, 5_000);
    expect(cache.bytes).toBeLessThanOrEqual(40_000);
    const held = Array.from({ length: end }, (_, offset) => tail.read(offset, everything));
    const first = held.findIndex((result) => result !== undefined);
    expect(first).toBeGreaterThan(10);
    expect(held.slice(first)).not.toContain(undefined);
    tail.dropBelow(end - 1);
    expect(tail.read(end - 2, everything)).toBeUndefined();
    expect(tail.read(end - 1, everything)?.chunks).toHaveLength(1);
    tail.clear();
    expect(cache.bytes).toBe(0);
  });

  test("a batch larger than the whole budget takes the tail with it; the next begins anew", () => {
    const tail = new PartitionTail(new TailCache(10_000), 100);
    fill(tail, 3, 100);
    fill(tail, 1, 20_000, 3);
    expect(tail.read(2, everything)).toBeUndefined();
    fill(tail, 1, 100, 4);
    expect(tail.read(3, everything)).toBeUndefined();
    expect(tail.read(4, everything)?.chunks).toHaveLength(1);
  });

  test("small batches of a partition share memory, and leave in one piece", () => {
    const cache = new TailCache(mebibyte);
    const tail = new PartitionTail(cache, 100);
    const end = fill(tail, 500, 20);
    expect(tail.read(end - 100, everything)?.chunks.length).toBeLessThan(3);
    expect(cache.bytes).toBeLessThan(3 * 500 * 90);
  });
});

describe("the budget of all tails", () => {
  test("is never passed, and counts the memory behind a batch, not its size alone", () => {
    const cache = new TailCache(150_000);
    const tail = new PartitionTail(cache, 100);
    const batch = written(0, 1, 80_000);
    const frame = new Uint8Array(140_000);
    frame.set(batch.bytes, 5_000);
    tail.add(frame.subarray(5_000, 5_000 + batch.bytes.length), batch, false);
    expect(cache.bytes).toBeGreaterThan(140_000);
    fill(tail, 1, 10_000, 1);
    expect(cache.bytes).toBeLessThan(12_000);
  });

  test("a batch that is a small part of what was received does not keep the rest", () => {
    const cache = new TailCache(mebibyte);
    const tail = new PartitionTail(cache, 100);
    const batch = written(0, 1, 70_000);
    const frame = new Uint8Array(600_000);
    frame.set(batch.bytes, 100);
    tail.add(frame.subarray(100, 100 + batch.bytes.length), batch, false);
    expect(cache.bytes).toBeLessThan(72_000);
    const result = tail.read(0, everything);
    expect(joinBytes(result?.chunks ?? [])).toEqual(batch.bytes);
  });

  test("the newest records of a quiet partition stay while a busy one turns over", () => {
    const cache = new TailCache(60_000);
    const quiet = new PartitionTail(cache, 2);
    const silent = new PartitionTail(cache, 0);
    const busy = new PartitionTail(cache, 2);
    fill(quiet, 3, 5_000);
    fill(silent, 1, 5_000);
    fill(busy, 100, 5_000);
    expect(quiet.read(0, everything)).toBeUndefined();
    expect(quiet.read(1, everything)?.sizeBytes).toBeGreaterThan(10_000);
    expect(silent.read(0, everything)).toBeUndefined();
    expect(busy.read(95, everything)).toBeDefined();
  });

  test("where every partition's newest records are too many, the oldest of them go", () => {
    const cache = new TailCache(60_000);
    const tails = Array.from({ length: 30 }, () => new PartitionTail(cache, 100));
    for (const tail of tails) fill(tail, 1, 5_000);
    expect(cache.bytes).toBeLessThanOrEqual(60_000);
    const held = tails.filter((tail) => tail.read(0, everything) !== undefined);
    expect(held).toEqual(tails.slice(-held.length));
    expect(held.length).toBeGreaterThan(5);
  });
});

describe("memory of the tail", () => {
  const turnOver = { budgetBytes: 400_000, batchBytes: 5_000 };

  /** Reads and looks later whether what was read is as it was; answers the buffers it saw. */
  function readWhileItTurnsOver(heldCountMax: number): Set<ArrayBufferLike> {
    const tail = new PartitionTail(new TailCache(turnOver.budgetBytes), 10);
    const buffers = new Set<ArrayBufferLike>();
    const held: { result: ReadResult; bytes: Uint8Array }[] = [];
    const release = (countMax: number): void => {
      for (const { result, bytes } of held.splice(0, Math.max(0, held.length - countMax))) {
        expect(joinBytes(result.chunks)).toEqual(bytes);
        result.lease?.release();
        result.lease?.release();
      }
    };
    for (let offset = 0; offset < 500; offset = fill(tail, 1, turnOver.batchBytes, offset)) {
      const result = tail.read(offset - 1, everything);
      if (result === undefined) continue;
      buffers.add((result.chunks[0] as Uint8Array).buffer);
      held.push({ result, bytes: joinBytes(result.chunks) });
      release(heldCountMax);
    }
    release(0);
    return buffers;
  }

  test("is used again only when nobody can read from it any more", () => {
    const withSlowReaders = readWhileItTurnsOver(400).size;
    const withFastReaders = readWhileItTurnsOver(20).size;
    expect(withSlowReaders).toBeGreaterThan(30);
    expect(withFastReaders).toBeLessThan(16);
  });

  test("is used again and again where nobody reads", () => {
    const tail = new PartitionTail(new TailCache(turnOver.budgetBytes), 10);
    const buffers = new Set<ArrayBufferLike>();
    for (let offset = 0; offset < 2_000; offset = fill(tail, 1, turnOver.batchBytes, offset)) {
      const result = offset % 100 === 50 ? tail.read(offset - 1, everything) : undefined;
      if (result !== undefined) buffers.add((result.chunks[0] as Uint8Array).buffer);
      result?.lease?.release();
    }
    expect(buffers.size).toBeLessThan(16);
  });
});
