import { DamageError, MalformedError } from "../../base/errors.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";
import { openRecords, readHeaders } from "../../protocol/record.ts";
import { type RecordBatch, recordBatches } from "../../protocol/record-batch.ts";
import { addTimestamps, RecordWalk } from "../../protocol/record-walk.ts";
import type { FetchPartition } from "../fetch/fetch-partition.ts";
import { matchesFilter, type RecordFilter } from "./record-filter.ts";
import type { RecordScope, StoredRecord } from "./stored-record.ts";

/** Bytes of opened records that may still be gone over; below 0 once there is no more. */
export interface ScanBudget {
  bytesLeft: number;
}

export interface TakeOptions {
  readonly filter?: RecordFilter | undefined;
  /** It ends behind the batch that uses this up. */
  readonly budget?: ScanBudget | undefined;
}

/**
 * The records of a fetch of committed records, from the partition's `fetchOffset` on, which moves:
 * past each record before it is given, and past all that is not wanted. Who stops early goes on
 * from there with another fetch. They are views that may be kept: the lease of their memory is
 * only released when none of them lies in it. Throws CORRUPT_MESSAGE for what does not open.
 */
export function* takeRecords(
  scope: RecordScope,
  fetched: FetchPartition,
  options: TakeOptions = {},
): Generator<StoredRecord, void> {
  try {
    yield* takeAll(scope, fetched, options);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const place = `${fetched.topic?.name}-${fetched.index} at ${fetched.fetchOffset}`;
    const detail = `${place} does not open: ${error.message}`;
    throw new DamageError("CORRUPT_MESSAGE", detail, { cause: error });
  }
}

function* takeAll(
  { broker, tools }: RecordScope,
  fetched: FetchPartition,
  { filter, budget = { bytesLeft: Infinity } }: TakeOptions,
): Generator<StoredRecord, void> {
  const open = {
    compression: tools.compression,
    sizeBytesMax: broker.settings["socket.request.max.bytes"],
  };
  const { chunks, aborted } = fetched;
  const lease = fetched.handOver();
  let isViewed = false;
  for (const chunk of chunks) {
    for (const batch of recordBatches(chunk)) {
      if (budget.bytesLeft <= 0) break;
      if (!batch.isControl && !isAborted(batch, aborted)) {
        const walk = new RecordWalk(openRecords(batch, open), batch.recordCount);
        budget.bytesLeft -= walk.source.length;
        for (const record of wantedRecords(fetched, { batch, walk, filter })) {
          isViewed ||= !batch.isCompressed;
          yield record;
        }
      }
      fetched.fetchOffset = Math.max(fetched.fetchOffset, batch.nextOffset);
    }
  }
  if (!isViewed) lease?.release();
}

interface Opened {
  readonly batch: RecordBatch;
  readonly walk: RecordWalk;
  readonly filter: RecordFilter | undefined;
}

function* wantedRecords(fetched: FetchPartition, opened: Opened): Generator<StoredRecord, void> {
  const { batch, walk, filter } = opened;
  const { baseOffset, baseTimestamp, maxTimestamp } = batch;
  const isAppendTime = batch.timestampType === "LogAppendTime";
  const headersOf = () => readHeaders(walk);
  while (walk.next()) {
    const offset = baseOffset + walk.offsetDelta;
    // Beyond its batch it would hide what lies behind.
    if (offset < baseOffset || offset >= batch.nextOffset) {
      throw new MalformedError(`a record says that its offset is ${offset}`);
    }
    if (offset < fetched.fetchOffset) continue;
    fetched.fetchOffset = offset + 1;
    if (filter !== undefined && !matchesFilter(filter, walk, headersOf)) continue;
    const timestamp = isAppendTime
      ? maxTimestamp
      : addTimestamps(baseTimestamp, walk.timestampDelta);
    yield {
      topic: fetched.topic?.name ?? "",
      partition: fetched.index,
      offset,
      timestampMs: Number(timestamp),
      key: walk.key,
      value: walk.value,
      headers: readHeaders(walk),
    };
  }
}

function isAborted(batch: RecordBatch, aborted: readonly AbortedTransaction[]): boolean {
  if (!batch.isTransactional) return false;
  const { producerId, baseOffset, lastOffset } = batch;
  return aborted.some(
    (entry) =>
      entry.producerId === producerId &&
      entry.firstOffset <= baseOffset &&
      lastOffset < entry.lastOffset,
  );
}
