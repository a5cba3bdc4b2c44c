import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Int64 } from "../base/bytes.ts";
import { portableCrc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { buildBatch } from "./build-batch.ts";
import { encodeRecords, type RecordInput } from "./encode-records.ts";
import { RecordBatch } from "./record-batch.ts";
import { inspectRecords, type RecordRules, refusedCountMax } from "./record-walk.ts";
import { decodeRecords } from "./record.ts";

const compression = {
  compress: (_: string, bytes: Uint8Array) => bytes,
  decompress: (_: string, bytes: Uint8Array) => bytes,
};
const anyRules: RecordRules = {
  baseTimestamp: 0,
  isKeyRequired: false,
  timestampMsMin: -Infinity,
  timestampMsMax: Infinity,
};

const run = fc.option(fc.uint8Array({ maxLength: 100 }));
const anyRecord: fc.Arbitrary<RecordInput> = fc.record({
  key: run,
  value: run,
  timestampMs: fc.maxSafeInteger(),
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 9 }), value: run }), { maxLength: 3 }),
});

function plain(timestampMs: Int64, key: Uint8Array | null = new Uint8Array(1)): RecordInput {
  return { key, value: new Uint8Array(3), timestampMs };
}

function inspect(records: readonly RecordInput[], rules: Partial<RecordRules> = {}) {
  const baseTimestamp = records[0]?.timestampMs ?? -1;
  const bytes = encodeRecords(records, baseTimestamp);
  return inspectRecords(bytes, records.length, { ...anyRules, baseTimestamp, ...rules });
}

test("records come back from a batch as they went in", () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), (records) => {
      const bytes = buildBatch(
        records,
        { baseOffset: 50 },
        { crc32c: portableCrc32c, compression },
      );
      const read = decodeRecords(new RecordBatch(bytes), { compression, sizeBytesMax: 1e6 });
      expect(read).toEqual(records.map((record, at) => ({ ...record, offset: 50 + at })));
    }),
  );
});

describe("what a walk finds", () => {
  test("the largest timestamp and the first record that has it", () => {
    const findings = inspect([plain(5), plain(9), plain(7), plain(9)]);
    expect([findings.maxTimestamp, findings.maxTimestampOffsetDelta]).toEqual([9, 1]);
    expect(findings.isSequential).toBe(true);
  });

  test("offset deltas that are not 0, 1, 2", () => {
    expect(inspect([plain(1), { ...plain(1), offsetDelta: 2 }]).isSequential).toBe(false);
  });

  test("records without a key, where the topic wants one, by index", () => {
    const records = [plain(1), plain(1, null), plain(1, new Uint8Array(0))];
    const { refused } = inspect(records, { isKeyRequired: true });
    expect(refused).toEqual([{ index: 1, reason: "noKey" }]);
  });

  test("timestamps out of bounds by index; the bounds themselves and -1 are allowed", () => {
    const records = [plain(10), plain(20), plain(9), plain(21), plain(-1)];
    const { refused } = inspect(records, { timestampMsMin: 10, timestampMsMax: 20 });
    expect(refused).toEqual([
      { index: 2, reason: "timestamp" },
      { index: 3, reason: "timestamp" },
    ]);
  });

  test("a timestamp past 2^53 is compared exactly and refused", () => {
    const { refused, maxTimestamp } = inspect([plain(2n ** 62n)], { timestampMsMax: 2 ** 53 });
    expect(maxTimestamp).toBe(2n ** 62n);
    expect(refused).toEqual([{ index: 0, reason: "timestamp" }]);
  });

  test("refused records are named up to a bound", () => {
    const records = Array.from({ length: refusedCountMax + 5 }, () => plain(1, null));
    expect(inspect(records, { isKeyRequired: true }).refused.length).toBe(refusedCountMax);
  });
});

describe("bytes that are no records", () => {
  const records = [plain(1), { ...plain(2), headers: [{ key: "h", value: null }] }, plain(3)];
  const bytes = encodeRecords(records, 1);

  test("a cut at any byte is refused", () => {
    for (let end = 0; end < bytes.length; end++) {
      expect(() => inspectRecords(bytes.subarray(0, end), 3, anyRules)).toThrow(MalformedError);
    }
  });

  test("a count that is too small leaves bytes, one that is too large misses some", () => {
    expect(() => inspectRecords(bytes, 2, anyRules)).toThrow("after the last record");
    expect(() => inspectRecords(bytes, 4, anyRules)).toThrow("record 3");
  });

  test("the error names the record", () => {
    const bad = bytes.slice();
    const firstBytes = 1 + (bad[0] as number) / 2;
    bad[firstBytes] = (bad[firstBytes] as number) + 2;
    expect(() => inspectRecords(bad, 3, anyRules)).toThrow("record 1");
  });

  test.each([
    ["a header without a key", "1000000001010201 01"],
    ["a negative number of headers", "0c000000010101"],
    ["a key past the end", "0c0000007e0100"],
    ["a length that is wrong", "0a000000010100"],
  ])("%s is refused", (_, hex) => {
    const record = Buffer.from(hex.replaceAll(" ", ""), "hex");
    expect(() => inspectRecords(record, 1, anyRules)).toThrow(MalformedError);
  });

  test("random bytes are refused or read, never hang", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(5), (noise, count) => {
        try {
          return inspectRecords(noise, count, anyRules).refused.length === 0;
        } catch (error) {
          return error instanceof MalformedError;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
