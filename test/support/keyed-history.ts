import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../src/base/text.ts";
import type { Partition } from "../../src/broker/partition/partition.ts";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import { BatchWalk } from "../../src/log/batch-walk.ts";
import { type BatchOptions, buildBatch } from "../../src/protocol/build-batch.ts";
import { decodeRecords } from "../../src/protocol/record.ts";
import { committed, readBytes, tools } from "./log-directory.ts";

/** One write to a log with keys: a plain batch, or a transaction of some batches and its end. */
export interface KeyedWrite {
  readonly keys: readonly number[];
  /** Of which keys it is a tombstone. */
  readonly isTombstone: boolean;
  readonly ends: "plain" | "commit" | "abort";
  readonly codec: "none" | "gzip";
}

export const keyedWrites = fc.array(
  fc.record({
    keys: fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
    isTombstone: fc.boolean(),
    ends: fc.constantFrom("plain", "plain", "commit", "abort"),
    codec: fc.constantFrom("none", "none", "gzip"),
  }) as fc.Arbitrary<KeyedWrite>,
  { minLength: 5, maxLength: 40 },
);

export interface KeyedRecord {
  readonly offset: number;
  readonly key: string;
  /** Null: a tombstone. */
  readonly value: string | null;
}

/** Appends keyed writes, and knows what a reader of committed records must find afterwards. */
export class KeyedHistory {
  /** What was committed, oldest first. */
  readonly records: KeyedRecord[] = [];
  #sequence = 0;
  #writeCount = 0;

  /** Each record's value is another one. */
  async write(partition: Partition, write: KeyedWrite): Promise<void> {
    this.#writeCount += 1;
    const values = write.keys.map((_, index) => `value ${this.#writeCount}.${index} `.repeat(3));
    const records = write.keys.map((key, index) => ({
      key: encodeUtf8(`key ${key}`),
      value: write.isTombstone ? null : encodeUtf8(values[index] as string),
      timestampMs: 1_767_225_600_000 + this.#writeCount,
    }));
    const batch = buildBatch(records, { codec: write.codec, ...this.#fields(write) }, tools);
    const options = { origin: "client", isTransactionKnown: true } as const;
    const { baseOffset } = partition.append(batch, options);
    if (write.ends !== "plain") {
      const who = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, transactionVersion: 1 };
      partition.endTransaction({ ...who, type: write.ends });
    }
    await committed(partition, partition.end);
    if (write.ends === "abort") return;
    for (const [index, key] of write.keys.entries()) {
      const value = write.isTombstone ? null : (values[index] as string);
      this.records.push({ offset: baseOffset + index, key: `key ${key}`, value });
    }
  }

  #fields({ ends, keys }: KeyedWrite): BatchOptions {
    if (ends === "plain") return {};
    const baseSequence = this.#sequence;
    this.#sequence += keys.length;
    return { producerId: 7, producerEpoch: 0, baseSequence, isTransactional: true };
  }
}

/** What a reader of committed records gets from the log's start. */
export async function readKeyed(log: PartitionLog): Promise<KeyedRecord[]> {
  const aborted = await log.abortedTransactions(log.logStart, log.end);
  const walk = new BatchWalk(await readBytes(log, log.logStart), 0, 0);
  const found: KeyedRecord[] = [];
  for (; walk.look() === "batch"; walk.advance()) {
    const { batch } = walk;
    if (batch.isControl) continue;
    const isAborted = aborted.some(
      ({ producerId, firstOffset, lastOffset }) =>
        batch.isTransactional &&
        producerId === batch.producerId &&
        firstOffset <= walk.baseOffset &&
        walk.baseOffset < lastOffset,
    );
    if (isAborted) continue;
    for (const { offset, key, value } of decodeRecords(batch, { ...tools, sizeBytesMax: 1e6 })) {
      const text = value === null ? null : decodeUtf8(value);
      found.push({ offset, key: decodeUtf8(key ?? new Uint8Array(0)), value: text });
    }
  }
  return found;
}
