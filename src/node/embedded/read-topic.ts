import { XylemError } from "../../base/errors.ts";
import { Fetch } from "../../broker/fetch/fetch.ts";
import { FetchPartition } from "../../broker/fetch/fetch-partition.ts";
import type { Topic as BrokerTopic } from "../../broker/topics/topics.ts";
import { type Position, resolvePosition } from "../../broker/records/position.ts";
import { parseRecordFilter } from "../../broker/records/record-filter.ts";
import { runFetch } from "../../broker/records/run-fetch.ts";
import type { StoredRecord } from "../../broker/records/stored-record.ts";
import { takeRecords } from "../../broker/records/take-records.ts";
import { type FollowTopic, followTopic } from "./follow-topic.ts";
import { ReadRecord } from "./record-content.ts";
import type { TopicScope } from "./topic.ts";

export interface ReadOptions {
  /** An offset, -N for the last N of each partition, or a time. Default "earliest". */
  readonly from?: "earliest" | "latest" | number | Date;
  /** Go on past the end, waiting for records to come. */
  readonly live?: boolean;
  /** One partition only. */
  readonly partition?: number;
  /**
   * Records that match all of it only: `key`, `key-prefix`, `header.NAME`, `json./pointer`, as in
   * `{ "header.type": "paid", "json./customer/id": "42" }`. INVALID_REQUEST for other names.
   */
  readonly filter?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

interface Cursor {
  readonly partition: FetchPartition;
  readonly end: number;
}

const fetchSizeBytesMax = 1_048_576;

/** The topic's records: to where it ends at this moment, or live. */
export async function* readTopic(
  scope: TopicScope,
  topic: BrokerTopic,
  options: ReadOptions,
): AsyncGenerator<ReadRecord, void, undefined> {
  const { partition, signal } = options;
  const filter = options.filter && parseRecordFilter(Object.entries(options.filter));
  const from = positionOf(options.from ?? "earliest");
  const ask = { topic: topic.name, partition, from, filter, signal };
  signal?.throwIfAborted();
  const slices = options.live ? followTopic(scope, ask) : readToEnd(scope, topic, ask);
  for await (const slice of slices) {
    for (const { timestampMs: timestamp, ...record } of slice) {
      yield new ReadRecord({ ...record, timestamp });
      signal?.throwIfAborted();
    }
  }
}

/** Reads through the same use case as the Kafka door. */
async function* readToEnd(
  scope: TopicScope,
  topic: BrokerTopic,
  ask: FollowTopic,
): AsyncGenerator<Iterable<StoredRecord>, void, undefined> {
  const { filter, signal } = ask;
  const ending = AbortSignal.any(signal ? [signal, scope.closing] : [scope.closing]);
  const isOpen = ({ partition, end }: Cursor): boolean => partition.fetchOffset < end;
  const cursors = await openCursors(topic, ask);
  for (let open = cursors.filter(isOpen); open.length > 0;) {
    await scope.turn.share();
    signal?.throwIfAborted();
    if (!scope.closing.aborted) await fetchOnce(scope, open, ending);
    if (scope.closing.aborted) {
      // Who takes this for the end would miss records.
      const detail = `the broker closed before ${topic.name} was read`;
      throw new XylemError("BROKER_NOT_AVAILABLE", detail);
    }
    const turn = inTurn(open);
    for (const { partition } of open) {
      if (partition.error !== undefined) throw partition.error;
      yield takeRecords(scope, partition, { filter });
    }
    open = turn.filter(isOpen);
  }
}

/** A fetch may be full before its last partitions: those that brought something wait next time. */
function inTurn(cursors: readonly Cursor[]): readonly Cursor[] {
  const hasBrought = ({ partition }: Cursor): boolean => partition.sizeBytes > 0;
  return [...cursors.filter((one) => !hasBrought(one)), ...cursors.filter(hasBrought)];
}

async function fetchOnce(
  scope: TopicScope,
  open: readonly Cursor[],
  ending: AbortSignal,
): Promise<void> {
  const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: fetchSizeBytesMax, readCommitted: true };
  const partitions = open.map(({ partition }) => partition);
  await runFetch(new Fetch(scope.broker, limits, partitions), ending);
}

async function openCursors(topic: BrokerTopic, ask: FollowTopic): Promise<Cursor[]> {
  const { partition: only, from } = ask;
  const partitions = topic.partitions.filter(({ index }) => only === undefined || index === only);
  if (partitions.length === 0) {
    throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no ${topic.name}-${only ?? 0}`);
  }
  return await Promise.all(
    partitions.map(async (log) => {
      const fetchOffset = await resolvePosition(log, from);
      await log.load("facts");
      const wish = {
        fetchOffset,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        sizeBytesMax: fetchSizeBytesMax,
      };
      return { partition: new FetchPartition(topic, log.index, wish), end: log.lastStable };
    }),
  );
}

function positionOf(from: NonNullable<ReadOptions["from"]>): Position {
  if (from instanceof Date) return { timeMs: Number(from) };
  return typeof from === "number" && from < 0 ? { last: -from } : from;
}
