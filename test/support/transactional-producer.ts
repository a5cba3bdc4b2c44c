import type { Partition } from "../../src/broker/partition/partition.ts";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import { BatchWalk } from "../../src/log/batch-walk.ts";
import { controlTypes } from "../../src/protocol/build-batch.ts";
import { decodeRecords } from "../../src/protocol/record.ts";
import { batchOf, committed, readBytes, tools } from "./log-directory.ts";

/** A producer with transactions, as its coordinator lets it write to one partition. */
export class TransactionalProducer {
  readonly id: number;
  epoch: number;
  #sequence = 0;

  constructor(id: number, epoch = 0) {
    this.id = id;
    this.epoch = epoch;
  }

  /** Answers the base offset; not committed yet. */
  send(log: PartitionLog, values: readonly string[], key?: string): number {
    const fields = { producerId: this.id, producerEpoch: this.epoch, isTransactional: true };
    const keyed = key === undefined ? fields : { ...fields, key };
    const batch = batchOf(values, { ...keyed, baseSequence: this.#sequence });
    const options = { origin: "client", isTransactionKnown: true } as const;
    const { baseOffset } = log.append(batch, options);
    this.#sequence += values.length;
    return baseOffset;
  }

  /** Answers the marker's offset; not committed yet. */
  end(log: PartitionLog, type: "abort" | "commit", coordinatorEpoch = 0): number {
    const { id: producerId, epoch: producerEpoch } = this;
    const end = { type, producerId, producerEpoch, coordinatorEpoch, transactionVersion: 1 };
    return log.endTransaction(end).baseOffset;
  }

  /** What the partition knows counts: after a crash fewer sequences may have been stored. */
  resume(partition: Partition): void {
    const known = [...partition.producers()].find(({ producerId }) => producerId === this.id);
    this.#sequence = (known?.batches.at(-1)?.lastSequence ?? -1) + 1;
  }
}

export interface TransactionSummary {
  readonly lastStable: number;
  readonly aborted: readonly { producerId: number; firstOffset: number; lastOffset: number }[];
  /** Values of the records that a reader of committed ones gets. */
  readonly values: readonly string[];
}

/** What a log says of its transactions when it is read from its start, batch by batch. */
export async function summarize(log: PartitionLog): Promise<TransactionSummary> {
  const bytes = await readBytes(log, log.logStart);
  const open = new Map<number, number>();
  const aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];
  const walk = new BatchWalk(bytes, 0, 0);
  const records: { producerId: number; offset: number; value: string }[] = [];
  for (; walk.look() === "batch"; walk.advance()) {
    const { batch, baseOffset, lastOffset } = walk;
    const producerId = Number(batch.producerId);
    const decoded = decodeRecords(batch, { ...tools, sizeBytesMax: 1_000_000 });
    if (batch.isControl) {
      const isAbort = decoded[0]?.key?.[3] === controlTypes.abort;
      const firstOffset = open.get(producerId);
      if (isAbort && firstOffset !== undefined) {
        aborted.push({ producerId, firstOffset, lastOffset });
      }
      open.delete(producerId);
      continue;
    }
    if (batch.isTransactional && !open.has(producerId)) open.set(producerId, baseOffset);
    for (const { offset, value } of decoded) {
      const text = new TextDecoder().decode(value ?? new Uint8Array(0));
      records.push({ producerId: batch.isTransactional ? producerId : -1, offset, value: text });
    }
  }
  const lastStable = Math.min(log.committed, ...open.values());
  const isVisible = (record: { producerId: number; offset: number }): boolean =>
    record.offset < lastStable &&
    !aborted.some(
      ({ producerId, firstOffset, lastOffset }) =>
        producerId === record.producerId &&
        firstOffset <= record.offset &&
        record.offset < lastOffset,
    );
  const values = records.filter(isVisible).map(({ value }) => value);
  return { lastStable, aborted, values };
}

export function allCommitted(log: PartitionLog): Promise<void> {
  return committed(log, log.end);
}
