import { XylemError } from "../../base/errors.ts";
import { Fetch } from "../../broker/fetch/fetch.ts";
import { FetchPartition } from "../../broker/fetch/fetch-partition.ts";
import type { Topic as BrokerTopic } from "../../broker/topics/topics.ts";
import type { AbortedTransaction } from "../../log/transaction-index.ts";
import { decodeRecords } from "../../protocol/record.ts";
import { type RecordBatch, recordBatches } from "../../protocol/record-batch.ts";
import { ReadRecord } from "./record-content.ts";
import type { TopicScope } from "./topic.ts";

export interface ReadOptions {
  /** An offset, or -N for the last N of each partition. Default "earliest". */
  readonly from?: "earliest" | "latest" | number;
  /** Go on past the end, waiting for records to come. */
  readonly live?: boolean;
  /** One partition only. */
  readonly partition?: number;
  readonly signal?: AbortSignal;
}

interface Cursor {
  readonly partition: FetchPartition;
  /** Where a read that is not live ends. */
  readonly end: number;
}

const fetchSizeBytesMax = 1_048_576;
const fetchWaitMs = 30_000;

/** Reads through the same use case as the Kafka door. */
export async function* readTopic(
  scope: TopicScope,
  topic: BrokerTopic,
  options: ReadOptions,
): AsyncGenerator<ReadRecord, void, undefined> {
  const signals = options.signal ? [options.signal, scope.closing] : [scope.closing];
  const ending = AbortSignal.any(signals);
  const isLive = options.live ?? false;
  const isOpen = ({ partition, end }: Cursor): boolean => isLive || partition.fetchOffset < end;
  await loadFacts(topic, options);
  for (let open = openCursors(topic, options).filter(isOpen); open.length > 0;) {
    options.signal?.throwIfAborted();
    if (!scope.closing.aborted) await fetchOnce(scope, open, { isLive, ending });
    if (scope.closing.aborted) return endWithBroker(topic.name, isLive);
    const turn = inTurn(open);
    for (const { partition } of open) {
      if (partition.error !== undefined) throw partition.error;
      for (const record of takeRecords(scope, partition)) {
        yield record;
        options.signal?.throwIfAborted();
      }
    }
    open = turn.filter(isOpen);
  }
}

/** A read that was to end by itself has not: whoever takes it for whole would miss records. */
function endWithBroker(name: string, isLive: boolean): void {
  if (isLive) return;
  throw new XylemError("BROKER_NOT_AVAILABLE", `the broker closed before ${name} was read`);
}

/** A fetch may be full before its last partitions: those that brought something wait next time. */
function inTurn(cursors: readonly Cursor[]): readonly Cursor[] {
  const hasBrought = ({ partition }: Cursor): boolean => partition.sizeBytes > 0;
  return [...cursors.filter((one) => !hasBrought(one)), ...cursors.filter(hasBrought)];
}

async function fetchOnce(
  scope: TopicScope,
  open: readonly Cursor[],
  how: { readonly isLive: boolean; readonly ending: AbortSignal },
): Promise<void> {
  const limits = {
    maxWaitMs: how.isLive ? fetchWaitMs : 0,
    minBytes: 1,
    maxBytes: fetchSizeBytesMax,
    readCommitted: true,
  };
  const partitions = open.map(({ partition }) => partition);
  const fetch = new Fetch(scope.broker, limits, partitions);
  const cancel = (): void => fetch.expire();
  how.ending.addEventListener("abort", cancel, { once: true });
  try {
    await fetch.run();
  } finally {
    how.ending.removeEventListener("abort", cancel);
  }
}

/**
 * The records that a fetch brought, from the cursor on, which they move. They are views that the
 * program may keep: the lease of their memory is never released, so that nothing else is put there.
 */
function* takeRecords(scope: TopicScope, partition: FetchPartition): Generator<ReadRecord> {
  const topic = partition.topic?.name ?? "";
  const open = {
    compression: scope.tools.compression,
    sizeBytesMax: scope.broker.settings["socket.request.max.bytes"],
  };
  const { chunks, aborted } = partition;
  partition.handOver();
  const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  for (const batch of recordBatches(bytes ?? new Uint8Array())) {
    const { nextOffset } = batch;
    const isSkipped = batch.isControl || isAborted(batch, aborted);
    for (const record of isSkipped ? [] : decodeRecords(batch, open)) {
      if (record.offset < partition.fetchOffset) continue;
      partition.fetchOffset = record.offset + 1;
      const { key, value, headers, offset } = record;
      const timestamp = Number(record.timestampMs);
      const place = { topic, partition: partition.index, offset, timestamp };
      yield new ReadRecord({ ...place, key, value, headers });
    }
    partition.fetchOffset = Math.max(partition.fetchOffset, nextOffset);
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

async function loadFacts(topic: BrokerTopic, { partition: only }: ReadOptions): Promise<void> {
  const partitions = topic.partitions.filter(({ index }) => only === undefined || index === only);
  await Promise.all(partitions.map(async (partition) => await partition.load("facts")));
}

function openCursors(topic: BrokerTopic, options: ReadOptions): Cursor[] {
  const { from = "earliest", partition: only } = options;
  const cursors = topic.partitions
    .filter(({ index }) => only === undefined || index === only)
    .map(({ index, logStart, lastStable }) => {
      const wish = {
        fetchOffset: firstOffset(from, logStart, lastStable),
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        sizeBytesMax: fetchSizeBytesMax,
      };
      return { partition: new FetchPartition(topic, index, wish), end: lastStable };
    });
  if (cursors.length > 0) return cursors;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no ${topic.name}-${only ?? 0}`);
}

function firstOffset(from: "earliest" | "latest" | number, start: number, end: number): number {
  if (from === "earliest") return start;
  if (from === "latest") return end;
  return from < 0 ? Math.max(start, end + from) : from;
}
