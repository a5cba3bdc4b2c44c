import { describe, expect, test } from "vitest";
import { portableCrc32c } from "../../src/base/crc32c.ts";
import { compression } from "../../src/codecs/node-compression.ts";
import { crc32c } from "../../src/codecs/native-crc32c.ts";
import { buildBatch } from "../../src/protocol/build-batch.ts";
import { decodeMessageSet } from "../../src/protocol/legacy-message-set.ts";
import { type RecordBatch, recordBatches } from "../../src/protocol/record-batch.ts";
import { RecordWalk } from "../../src/protocol/record-walk.ts";
import { decodeRecords, openRecords, readHeaders } from "../../src/protocol/record.ts";
import { fromHex, loadVectors, toHex } from "./vector.ts";

interface BatchMeaning {
  readonly records: readonly Record<string, unknown>[];
  readonly [field: string]: unknown;
}

interface BatchVector {
  readonly id: string;
  readonly hex: string;
  readonly decoded: readonly BatchMeaning[];
}

const options = { compression, sizeBytesMax: 1_000_000 };

/** One character a byte, as the vectors give keys and values. */
const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("latin1");

function headerMeaning(batch: RecordBatch): Record<string, unknown> {
  return {
    baseOffset: batch.baseOffset,
    batchLength: batch.sizeBytes - 12,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    magic: batch.magic,
    crc: batch.crc,
    attributes: batch.attributes,
    codec: batch.codec,
    timestampType: batch.timestampType,
    transactional: batch.isTransactional,
    control: batch.isControl,
    deleteHorizon: batch.hasDeleteHorizon,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: batch.recordCount,
    crcValid: batch.isCrcValid(crc32c) && batch.isCrcValid(portableCrc32c),
  };
}

function recordMeaning(walk: RecordWalk, isControl: boolean): Record<string, unknown> {
  const { attributes, timestampDelta, offsetDelta } = walk;
  const headers = readHeaders(walk).map(({ key, value }) => [text(Buffer.from(key)), text(value)]);
  const common = { attributes, timestampDelta, offsetDelta, headers };
  if (!isControl) return { ...common, key: text(walk.key), value: text(walk.value) };
  return { ...common, valueHex: toHex(walk.value as Uint8Array) };
}

function without(object: object, ...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function checkMeaning(bytes: Uint8Array, decoded: readonly BatchMeaning[]): void {
  const batches = [...recordBatches(bytes)];
  expect(batches.length).toBe(decoded.length);
  for (const [at, batch] of batches.entries()) {
    const expected = decoded[at] as BatchMeaning;
    expect(headerMeaning(batch)).toEqual(without(expected, "records"));
    const walk = new RecordWalk(openRecords(batch, options), batch.recordCount);
    for (const record of expected.records) {
      expect(walk.next()).toBe(true);
      const names = ["length", "controlVersion", "controlType", "marker"];
      expect(recordMeaning(walk, batch.isControl)).toEqual(without(record, ...names));
    }
    expect(walk.next()).toBe(false);
    walk.finish();
  }
}

describe("batches of clients and of Kafka itself", () => {
  test.each(loadVectors<BatchVector[]>("record-batches"))("$id is read", ({ hex, decoded }) => {
    checkMeaning(fromHex(hex), decoded);
  });

  test.each(loadVectors<BatchVector[]>("record-batches"))("$id is built again", ({ hex }) => {
    const batch = onlyBatch(fromHex(hex));
    const again = onlyBatch(rebuild(batch));
    expect(toHex(openRecords(again, options))).toBe(toHex(openRecords(batch, options)));
    expect(comparable(again)).toEqual(comparable(batch));
  });
});

function onlyBatch(bytes: Uint8Array): RecordBatch {
  const [batch, ...more] = recordBatches(bytes);
  if (batch === undefined || more.length > 0) throw new Error("not one batch");
  return batch;
}

/** All of the header, and the bytes too where no compressor had a say in them. */
function comparable(batch: RecordBatch): Record<string, unknown> {
  const header = headerMeaning(batch);
  if (batch.isCompressed) return without(header, "batchLength", "crc");
  return { ...header, hex: toHex(batch.bytes) };
}

function rebuild(batch: RecordBatch): Uint8Array {
  const isAppendTime = batch.timestampType === "LogAppendTime";
  const walk = new RecordWalk(openRecords(batch, options), batch.recordCount);
  const records = decodeRecords(batch, options).map((record) => {
    walk.next();
    const timestampMs = Number(batch.baseTimestamp) + Number(walk.timestampDelta);
    return { ...record, timestampMs, offsetDelta: walk.offsetDelta };
  });
  const { baseOffset, codec, producerId, producerEpoch, baseSequence, isControl } = batch;
  const { isTransactional, lastOffsetDelta, partitionLeaderEpoch: leaderEpoch } = batch;
  const fields = { baseOffset, leaderEpoch, codec, producerId, producerEpoch, baseSequence };
  const flags = { isTransactional, isControl, lastOffsetDelta };
  const emptyTime = records.length === 0 ? { maxTimestampMs: Number(batch.maxTimestamp) } : {};
  const time = isAppendTime ? { logAppendTimeMs: Number(batch.maxTimestamp) } : emptyTime;
  return buildBatch(records, { ...fields, ...flags, ...time }, { crc32c, compression });
}

interface ProduceVector {
  readonly id: string;
  readonly batches: readonly BatchMeaning[];
  readonly body: {
    readonly TopicData: readonly {
      readonly PartitionData: readonly { readonly Records: { readonly hex: string } }[];
    }[];
  };
}

describe("batches in recorded Produce requests", () => {
  test.each(loadVectors<ProduceVector[]>("produce-requests"))("$id", ({ body, batches }) => {
    const hex = body.TopicData.flatMap(({ PartitionData }) =>
      PartitionData.map(({ Records }) => Records.hex),
    );
    checkMeaning(fromHex(hex.join("")), batches);
  });
});

interface LegacyVector {
  readonly id: string;
  readonly hex: string;
  readonly decoded: { readonly records: readonly Record<string, unknown>[] };
}

describe("message sets before magic 2", () => {
  const vectors = loadVectors<LegacyVector[]>("legacy-message-sets");

  test.each(vectors)("$id is read", ({ hex, decoded }) => {
    const records = decodeMessageSet(fromHex(hex), options).map((record) => ({
      offset: record.offset,
      key: text(record.key),
      value: text(record.value),
      ...(record.timestampMs === -1 ? {} : { timestamp: record.timestampMs }),
    }));
    expect(records).toEqual(decoded.records);
  });

  test.each(vectors)("$id with a byte changed is refused", ({ hex }) => {
    const bytes = fromHex(hex);
    bytes[bytes.length - 3] = (bytes.at(-3) as number) ^ 1;
    expect(() => decodeMessageSet(bytes, options)).toThrow("crc");
  });
});

interface DirectoryVector {
  readonly partitionDirectory: { readonly files: Readonly<Record<string, string>> };
  readonly batches: Readonly<Record<string, readonly BatchMeaning[]>>;
}

test("the log files of a data directory that Kafka wrote", () => {
  const { partitionDirectory, batches } = loadVectors<DirectoryVector>("data-directory");
  for (const [name, expected] of Object.entries(batches)) {
    const bytes = fromHex(partitionDirectory.files[name] as string);
    const read = [...recordBatches(bytes)];
    expect(read.map((batch) => batch.baseOffset)).toEqual(expected.map((one) => one["baseOffset"]));
    expect(read.every((batch) => batch.isCrcValid(crc32c))).toBe(true);
    expect(read.at(-1)?.end).toBe(bytes.length);
  }
});

interface CompactionVector {
  readonly stages: readonly {
    readonly stage: string;
    readonly files: Readonly<Record<string, string>>;
    readonly batches: Readonly<Record<string, readonly BatchMeaning[]>>;
  }[];
}

test.each(loadVectors<CompactionVector>("compaction").stages)(
  "batches as the cleaner leaves them: $stage",
  ({ files, batches }) => {
    for (const [name, expected] of Object.entries(batches)) {
      for (const [at, batch] of [...recordBatches(fromHex(files[name] as string))].entries()) {
        expect(batch.isCrcValid(crc32c)).toBe(true);
        expect(batch.baseOffset).toBe(expected[at]?.["baseOffset"]);
        expect(decodeRecords(batch, options).length).toBe(expected[at]?.["recordCount"]);
      }
    }
  },
);
