import { joinBytes } from "../../base/bytes.ts";
import { XylemError } from "../../base/errors.ts";
import { after } from "../partition/after.ts";
import { Fetch } from "../fetch/fetch.ts";
import type { Forwarding } from "../forwarding/forwarding.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { FetchPartition } from "../fetch/fetch-partition.ts";
import type { RecordScope, StoredRecord } from "../records/stored-record.ts";
import { takeRecords } from "../records/take-records.ts";
import type { Topic } from "../topics/topics.ts";
import { type Charge, RecordRun } from "./record-run.ts";

/** What is read of a partition at once; a batch comes whole whatever its size. */
export const runSizeBytesMax = 65_536;

export interface RunPlace {
  readonly topic: Topic;
  readonly index: number;
  readonly offset: number;
}

/**
 * Reads what lies at an offset, through the same use case as the Kafka door; at once where it is
 * still in memory. Throws, or rejects, with what a fetch of that partition fails with.
 */
export function readRun(
  scope: RecordScope,
  { topic, index, offset }: RunPlace,
  charge: Charge,
): RecordRun | Promise<RecordRun> {
  const wish = {
    fetchOffset: offset,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    sizeBytesMax: runSizeBytesMax,
  };
  const fetched = new FetchPartition(topic, index, wish);
  fetched.mayFollow = true;
  const { forwarding } = scope.broker;
  const { log } = fetched;
  if (forwarding !== undefined && log?.absence !== undefined) {
    return readElsewhere(forwarding, scope, { topic, log, offset, charge });
  }
  const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: runSizeBytesMax, readCommitted: true };
  return after(new Fetch(scope.broker, limits, [fetched]).run(), () => {
    if (fetched.error !== undefined) throw fetched.error;
    const records = openRun(scope, fetched);
    return new RecordRun({ from: offset, nextOffset: fetched.fetchOffset }, records, charge);
  });
}

/** The records of one call, at most; past it another one is made. */
const recordsMax = 10_000;

interface ElsewhereRun {
  readonly topic: Topic;
  readonly log: PartitionLog;
  readonly offset: number;
  readonly charge: Charge;
}

async function readElsewhere(
  forwarding: Forwarding,
  { broker }: RecordScope,
  { topic, log, offset, charge }: ElsewhereRun,
): Promise<RecordRun> {
  const { records, nextOffset } = await forwarding.readRun(
    broker,
    { topic, log },
    {
      topic: topic.name,
      partition: log.index,
      position: offset,
      limit: recordsMax,
      maxBytes: runSizeBytesMax,
      waitMs: 0,
    },
  );
  return new RecordRun({ from: offset, nextOffset }, records, charge);
}

/** A copy: the memory that the partition lends goes back to it, and what is kept is known. */
function openRun(scope: RecordScope, fetched: FetchPartition): readonly StoredRecord[] {
  const { chunks, sizeBytes } = fetched;
  if (sizeBytes === 0) return [];
  const bytes = chunks.length === 1 ? (chunks[0] as Uint8Array).slice() : joinBytes(chunks);
  fetched.handOver()?.release();
  fetched.take({ chunks: [bytes], sizeBytes });
  return takeSound(scope, fetched);
}

/** What opens; a batch that does not is thrown by the run that begins with it. */
function takeSound(scope: RecordScope, fetched: FetchPartition): readonly StoredRecord[] {
  const { fetchOffset: from } = fetched;
  const records: StoredRecord[] = [];
  try {
    for (const record of takeRecords(scope, fetched)) records.push(record);
  } catch (error) {
    if (!(error instanceof XylemError) || fetched.fetchOffset === from) throw error;
  }
  return records;
}
