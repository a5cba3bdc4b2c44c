import { describe, expect, test } from "vitest";
import { batchOf, tools } from "../../../../test/support/log-directory.ts";
import { writeInt32, writeInt64 } from "../../../base/bytes.ts";
import { defaultTopicSettings, type TopicSettings } from "../../../base/settings/topic-settings.ts";
import { batchFields, type RecordBatch } from "../../../protocol/record-batch.ts";
import { decodeRecords } from "../../../protocol/record.ts";
import { validateBatch } from "./validate-batch.ts";

const nowMs = 1_767_225_600_000;

function validate(bytes: Uint8Array, settings: Partial<TopicSettings> = {}): RecordBatch {
  const all = { ...defaultTopicSettings, ...settings };
  return validateBatch(bytes, { origin: "client", settings: all, nowMs }, tools);
}

/** The same batch with one field changed and the sum made right again. */
function changed(bytes: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  change(bytes);
  writeInt32(bytes, batchFields.crc, tools.crc32c(bytes.subarray(batchFields.attributes)));
  return bytes;
}

/** "stored" when both records can be read afterwards, else the code of the refusal. */
function outcomeOf(bytes: Uint8Array): string {
  try {
    return recordsOf(validate(bytes)).length === 2 ? "stored" : "records lost";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const refused = (code: string): Error => expect.objectContaining({ code }) as Error;

function recordsOf(batch: RecordBatch): string[] {
  const options = { compression: tools.compression, sizeBytesMax: 100_000 };
  return decodeRecords(batch, options).map(({ value }) => Buffer.from(value ?? []).toString());
}

describe("a sent batch", () => {
  test("that is right is stored as it came", () => {
    const bytes = batchOf(["a", "b"]);
    const before = bytes.slice();
    expect(validate(bytes).source).toBe(bytes);
    expect(bytes).toEqual(before);
  });

  test("with a base offset is refused before anything else is looked at", () => {
    const bytes = changed(batchOf(["a"], { baseOffset: 5 }), () => undefined);
    expect(() => validate(bytes, { "max.message.bytes": 10 })).toThrow(refused("INVALID_RECORD"));
  });

  test("that is too large is refused before its sum is checked", () => {
    const bytes = batchOf(["a"]);
    bytes[66] = 99;
    const limit = { "max.message.bytes": bytes.length - 1 };
    expect(() => validate(bytes, limit)).toThrow(refused("MESSAGE_TOO_LARGE"));
    expect(() => validate(bytes)).toThrow(refused("CORRUPT_MESSAGE"));
  });

  test.each([
    ["lastOffsetDelta", batchFields.lastOffsetDelta, -1],
    ["recordCount", batchFields.recordCount, 0],
    ["recordCount", batchFields.recordCount, 2],
  ])("with a wrong %s is refused", (_, field, value) => {
    const bytes = changed(batchOf(["a"]), (target) => writeInt32(target, field, value));
    expect(() => validate(bytes)).toThrow(refused("INVALID_RECORD"));
  });

  test("of a producer without a sequence, or a control batch, is refused", () => {
    const unsequenced = batchOf(["a"], { producerId: 1, producerEpoch: 0, baseSequence: -1 });
    expect(() => validate(unsequenced)).toThrow(refused("INVALID_RECORD"));
    const control = batchOf(["a"], { isControl: true });
    expect(() => validate(control)).toThrow(refused("INVALID_RECORD"));
  });

  test("whose records do not parse is refused, whatever byte of them is wrong", () => {
    const length = batchOf(["abc", "def"]).length;
    for (let at = batchFields.records; at < length; at += 1) {
      const bytes = changed(batchOf(["abc", "def"]), (target) => {
        target[at] = 0x7f;
      });
      expect(["stored", "INVALID_RECORD", "INVALID_TIMESTAMP"]).toContain(outcomeOf(bytes));
    }
  });

  test("with a keyless record is refused by a compacted topic, compressed or not", () => {
    const compact = { "cleanup.policy": ["compact"] };
    for (const codec of ["none", "gzip"] as const) {
      const error = expect.objectContaining({ code: "INVALID_RECORD", recordIndexes: [0, 1] });
      expect(() => validate(batchOf(["a", "b"], { codec }), compact)).toThrow(error as Error);
      expect(recordsOf(validate(batchOf(["a"], { codec, key: "k" }), compact))).toEqual(["a"]);
    }
  });

  test("with times outside the topic's bounds is refused and the records are named", () => {
    const late = { timestampMs: nowMs + 3_600_001 };
    const error = expect.objectContaining({ code: "INVALID_TIMESTAMP", recordIndexes: [0] });
    expect(() => validate(batchOf(["a"], late))).toThrow(error as Error);
    const old = { timestampMs: nowMs - 11 };
    const before = { "message.timestamp.before.max.ms": 10 };
    expect(() => validate(batchOf(["a"], old), before)).toThrow(refused("INVALID_TIMESTAMP"));
    const gzip = { ...late, codec: "gzip" as const };
    expect(() => validate(batchOf(["a"], gzip))).toThrow(refused("INVALID_TIMESTAMP"));
    const appendTime = { "message.timestamp.type": "LogAppendTime" } as const;
    expect(validate(batchOf(["a"], late), appendTime).maxTimestamp).toBe(nowMs);
    expect(validate(batchOf(["a"], { timestampMs: -1 })).maxTimestamp).toBe(-1);
  });

  test("that claims an append time is refused, on an append time topic too", () => {
    const bytes = batchOf(["a"], { logAppendTimeMs: nowMs });
    expect(() => validate(bytes)).toThrow(refused("INVALID_TIMESTAMP"));
  });

  test("of an append time topic gets the broker's time and a new sum", () => {
    const batch = validate(batchOf(["a"]), { "message.timestamp.type": "LogAppendTime" });
    expect(batch.timestampType).toBe("LogAppendTime");
    expect(batch.isCrcValid(tools.crc32c)).toBe(true);
  });

  test("whose head overstates the largest time is corrected when it is walked", () => {
    const bytes = changed(batchOf(["a"]), (target) => {
      writeInt64(target, batchFields.maxTimestamp, nowMs + 5);
    });
    const batch = validate(bytes);
    expect(batch.maxTimestamp).toBe(nowMs);
    expect(batch.isCrcValid(tools.crc32c)).toBe(true);
  });

  test("of another codec than the topic's is stored in the topic's", () => {
    const values = ["a".repeat(500), "b"];
    const toGzip = validate(batchOf(values), { "compression.type": "gzip" });
    expect(toGzip.codec).toBe("gzip");
    expect(toGzip.isCrcValid(tools.crc32c)).toBe(true);
    expect(recordsOf(toGzip)).toEqual(values);
    const producer = { producerId: 9, producerEpoch: 1, baseSequence: 4 };
    const sent = batchOf(values, { codec: "zstd", ...producer });
    const toNone = validate(sent, { "compression.type": "uncompressed" });
    expect(toNone.codec).toBe("none");
    expect([toNone.producerId, toNone.producerEpoch, toNone.baseSequence]).toEqual([9, 1, 4]);
    expect(recordsOf(toNone)).toEqual(values);
  });

  test("that does not fit into a segment is refused", () => {
    const small = { "internal.segment.bytes": 100 };
    const bytes = batchOf(["x".repeat(200)]);
    expect(() => validate(bytes, small)).toThrow(refused("RECORD_LIST_TOO_LARGE"));
  });
});
