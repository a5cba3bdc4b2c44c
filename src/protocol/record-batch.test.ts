import { describe, expect, test } from "vitest";
import { writeInt32, writeInt64 } from "../base/bytes.ts";
import { portableCrc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { type BatchOptions, buildBatch, buildMarker } from "./build-batch.ts";
import type { Compression } from "./compression.ts";
import { batchFields, RecordBatch, recordBatches } from "./record-batch.ts";
import { decodeRecords } from "./record.ts";

/** No batch here is compressed. */
const compression: Compression = {
  compress: (_, bytes) => bytes,
  decompress: (_, bytes) => bytes,
};
const tools = { crc32c: portableCrc32c, compression };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function batchOf(count: number, options: BatchOptions = {}): Uint8Array {
  const records = Array.from({ length: count }, (_, at) => ({
    key: bytesOf(`k${at}`),
    value: bytesOf(`value ${at}`),
    timestampMs: 1000 + at,
  }));
  return buildBatch(records, options, tools);
}

describe("what the leader sets", () => {
  test("offset and epoch lie outside the sum", () => {
    const batch = new RecordBatch(batchOf(3));
    batch.assignOffset(2 ** 40, 7);
    expect([batch.baseOffset, batch.lastOffset, batch.nextOffset]).toEqual([
      2 ** 40,
      2 ** 40 + 2,
      2 ** 40 + 3,
    ]);
    expect(batch.partitionLeaderEpoch).toBe(7);
    expect(batch.isCrcValid(portableCrc32c)).toBe(true);
  });

  test("the append time is every record's time, and the sum follows", () => {
    const batch = new RecordBatch(batchOf(2));
    batch.setLogAppendTime(5000, portableCrc32c);
    expect([batch.timestampType, batch.maxTimestamp]).toEqual(["LogAppendTime", 5000]);
    expect(batch.isCrcValid(portableCrc32c)).toBe(true);
    const records = decodeRecords(batch, { compression, sizeBytesMax: 1000 });
    expect(records.map((record) => record.timestampMs)).toEqual([5000, 5000]);
  });

  test("a batch of append time becomes one of create time", () => {
    const batch = new RecordBatch(batchOf(2, { logAppendTimeMs: 9000 }));
    batch.setCreateTime(1001, portableCrc32c);
    expect([batch.timestampType, batch.maxTimestamp]).toEqual(["CreateTime", 1001]);
    expect(batch.isCrcValid(portableCrc32c)).toBe(true);
  });
});

describe("producers", () => {
  test("the last sequence wraps from 2147483647 to 0", () => {
    const producer = { producerId: 5, producerEpoch: 1 };
    const batch = new RecordBatch(batchOf(3, { ...producer, baseSequence: 2_147_483_646 }));
    expect([batch.baseSequence, batch.lastSequence]).toEqual([2_147_483_646, 0]);
    expect(batch.hasProducerId).toBe(true);
  });

  test("producer id -1 with epoch and sequence 0, as kafkajs sends it, is a plain batch", () => {
    const batch = new RecordBatch(
      batchOf(1, { producerId: -1, producerEpoch: 0, baseSequence: 0 }),
    );
    expect(batch.hasProducerId).toBe(false);
  });

  test("a producer id past 2^53 is read exactly", () => {
    const batch = new RecordBatch(batchOf(1, { producerId: 2n ** 60n }));
    expect(batch.producerId).toBe(2n ** 60n);
    expect(batch.hasProducerId).toBe(true);
  });

  test("a transaction marker takes 78 bytes, one offset and no sequence", () => {
    const marker = buildMarker(
      { type: "commit", producerId: 9, producerEpoch: 2, coordinatorEpoch: 3, timestampMs: 1 },
      tools,
    );
    const batch = new RecordBatch(marker);
    expect([batch.isControl, batch.isTransactional, batch.lastSequence]).toEqual([true, true, -1]);
    expect([marker.length, batch.lastOffsetDelta, batch.producerId]).toEqual([78, 0, 9]);
  });
});

describe("a run of batches", () => {
  const run = Buffer.concat([batchOf(1), batchOf(2, { baseOffset: 1 }), batchOf(0)]);

  test("is read one by one", () => {
    const counts = [...recordBatches(run)].map((batch) => batch.recordCount);
    expect(counts).toEqual([1, 2, 0]);
  });

  test("ends before a batch that is cut off, at any byte", () => {
    const ends = [...recordBatches(run)].map((batch) => batch.end);
    for (let end = 0; end <= run.length; end++) {
      const whole = [...recordBatches(run.subarray(0, end))];
      expect(whole.length).toBe(ends.filter((one) => one <= end).length);
    }
  });

  test.each([0, 1, 3])("throws at a batch of magic %i", (magic) => {
    const bytes = batchOf(1);
    bytes[batchFields.magic] = magic;
    expect(() => [...recordBatches(bytes)]).toThrow(`magic ${magic}`);
  });

  test.each([-1, 0, 48, -2_147_483_648])("throws at a length of %i", (length) => {
    const bytes = batchOf(1);
    writeInt32(bytes, batchFields.batchLength, length);
    expect(() => [...recordBatches(bytes)]).toThrow(MalformedError);
  });
});

describe("headers that can not be", () => {
  test("fewer bytes than a header are refused", () => {
    expect(() => new RecordBatch(new Uint8Array(60))).toThrow(MalformedError);
  });

  test("the codecs 5 to 7 do not exist", () => {
    const bytes = batchOf(1);
    bytes[batchFields.attributes + 1] = 5;
    expect(() => new RecordBatch(bytes).codec).toThrow("codec 5");
  });

  test("an offset past 2^53 is no offset", () => {
    const bytes = batchOf(1);
    writeInt64(bytes, 0, 2n ** 53n);
    expect(() => new RecordBatch(bytes).baseOffset).toThrow(MalformedError);
  });

  test("a batch says itself whether all of it is there", () => {
    const bytes = batchOf(1);
    expect(new RecordBatch(bytes).isWhole).toBe(true);
    expect(new RecordBatch(bytes.subarray(0, -1)).isWhole).toBe(false);
  });

  test("any flipped bit from the attributes on breaks the sum", () => {
    const bytes = batchOf(1);
    for (let bit = batchFields.attributes * 8; bit < bytes.length * 8; bit++) {
      const mask = 1 << (bit & 7);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ mask;
      expect(new RecordBatch(bytes).isCrcValid(portableCrc32c)).toBe(false);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ mask;
    }
  });
});
