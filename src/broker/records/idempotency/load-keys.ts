import { MalformedError } from "../../../base/errors.ts";
import type { KeyTable } from "../../../log/idempotency/key-table.ts";
import {
  keysFileName,
  parseKeys,
  type StoredKeys,
} from "../../../log/idempotency/key-table-file.ts";
import { recordBatches } from "../../../protocol/record-batch.ts";
import { Fetch } from "../../fetch/fetch.ts";
import { FetchPartition } from "../../fetch/fetch-partition.ts";
import type { PartitionLog } from "../../partition/partition-log.ts";
import type { Disk } from "../../ports/disk.ts";
import type { Topic } from "../../topics/topics.ts";
import type { RecordScope } from "../stored-record.ts";
import { readNote } from "./append-note.ts";
import { keyLimits } from "./key-limits.ts";

export interface KeysPlace {
  readonly scope: RecordScope;
  readonly disk: Disk;
  readonly topic: Topic;
  readonly log: PartitionLog;
}

const fetchSizeBytes = 1_048_576;

/**
 * Fills a table from its file, and from the log behind what the file covers. Answers how many bytes
 * of the log it went over. Batches that are damaged can not tell, and are passed over.
 */
export async function loadKeys(table: KeyTable, place: KeysPlace): Promise<number> {
  const { scope, log } = place;
  await log.load();
  await untilCommitted(log);
  const stored = await readStored(place);
  const nowMs = scope.broker.clock.nowMs();
  const limits = keyLimits(scope.broker.settings);
  for (const [id, kept] of stored?.entries ?? []) table.add(id, kept, nowMs, limits);
  const from = Math.max(
    stored?.nextOffset ?? 0,
    await firstOffsetSince(log, nowMs - limits.ageMsMax),
  );
  return await scan(place, from, (batch) => {
    const found = readNote(batch, openOptions(scope));
    if (found !== undefined) table.add(...found, nowMs, limits);
  });
}

/**
 * What a head found in its log is not committed yet, but will be: a repetition of it must not come
 * in front.
 */
async function untilCommitted(log: PartitionLog): Promise<void> {
  const { end } = log;
  if (log.committed >= end) return;
  await new Promise<void>((resolve, reject) => {
    log.whenCommitted(end, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

function openOptions({ broker, tools }: RecordScope) {
  const sizeBytesMax = broker.settings["socket.request.max.bytes"];
  return { compression: tools.compression, sizeBytesMax };
}

/** A file that does not say what it should is as if there were none: the log is gone over. */
async function readStored({ scope, disk, topic, log }: KeysPlace): Promise<StoredKeys | undefined> {
  const path = `${topic.name}-${log.index}/${keysFileName}`;
  const bytes = await disk.readFile(path);
  if (bytes === undefined) return undefined;
  try {
    const stored = parseKeys(bytes, topic.id, scope.tools.crc32c);
    return stored !== undefined && stored.nextOffset <= log.end ? stored : undefined;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    scope.broker.log.warn("idempotency keys are read from the log", { path, why: error.message });
    return undefined;
  }
}

/** No append since that time lies below. Times of records are clients' and tell nothing. */
async function firstOffsetSince(log: PartitionLog, timeMs: number): Promise<number> {
  const segments = await log.retained();
  const first = segments.find(({ modifiedMs }) => modifiedMs >= timeMs);
  return Math.max(log.logStart, first?.baseOffset ?? log.end);
}

type Batches = ReturnType<typeof recordBatches>;
type Batch = Batches extends Generator<infer T, void> ? T : never;

async function scan(
  { scope: { broker }, topic, log }: KeysPlace,
  from: number,
  visit: (batch: Batch) => void,
): Promise<number> {
  const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: fetchSizeBytes, readCommitted: false };
  const unchecked = { currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
  const wish = { fetchOffset: from, ...unchecked, sizeBytesMax: fetchSizeBytes };
  const fetched = new FetchPartition(topic, log.index, wish);
  const end = log.committed;
  let scannedBytes = 0;
  while (fetched.fetchOffset < end) {
    const before = fetched.fetchOffset;
    const fetch = new Fetch(broker, limits, [fetched]);
    await fetch.run();
    const { error, chunks } = fetched;
    if (error?.code === "OFFSET_OUT_OF_RANGE" && before < log.logStart) {
      fetched.fetchOffset = log.logStart;
      continue;
    }
    if (error !== undefined && error.code !== "CORRUPT_MESSAGE") throw error;
    scannedBytes += fetched.sizeBytes;
    for (const chunk of chunks) {
      for (const batch of recordBatches(chunk)) {
        visit(batch);
        fetched.fetchOffset = Math.max(fetched.fetchOffset, batch.nextOffset);
      }
    }
    fetched.dropRecords();
    if (fetched.fetchOffset > before) continue;
    if (error === undefined) break;
    fetched.fetchOffset += 1;
  }
  return scannedBytes;
}
