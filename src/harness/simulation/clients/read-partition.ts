import { MalformedError } from "../../../base/errors.ts";
import { compression } from "../../../codecs/node-compression.ts";
import { type RecordBatch, recordBatches } from "../../../protocol/record-batch.ts";
import { decodeRecords } from "../../../protocol/record.ts";
import { errorName } from "../error-name.ts";
import type { RecordSeen } from "../history.ts";
import type { Client } from "../simulated-client.ts";
import { stampOf } from "../stamps.ts";
import { keyOf, type Target, type World } from "../world.ts";

export interface FetchOutcome {
  readonly error: string;
  readonly records: readonly RecordSeen[];
  /** The offset after what was read. */
  readonly next: number;
  readonly committed: number;
  readonly logStart: number;
}

interface FetchFrom {
  readonly target: Target;
  readonly from: number;
  readonly waitMs: number;
}

const sizeBytesMax = 65_536;

/** One fetch of one partition, noted in the history. Rejects with NoAnswer. */
export async function fetchFrom(
  world: World,
  client: Client,
  reader: string,
  { target, from, waitMs }: FetchFrom,
): Promise<FetchOutcome> {
  const { topic, index } = target;
  const askedAt = world.history.length;
  const wanted = { partition: index, fetchOffset: from, partitionMaxBytes: sizeBytesMax };
  const answer = await world.ask(client, "Fetch", 16, {
    maxWaitMs: waitMs,
    minBytes: 1,
    maxBytes: sizeBytesMax,
    topics: [{ topicId: topic.id, partitions: [wanted] }],
    forgottenTopicsData: [],
  });
  const part = answer.responses[0]?.partitions[0];
  const error = errorName(part?.errorCode ?? answer.errorCode);
  const partition = keyOf(target);
  if (part === undefined || error !== "NONE") {
    world.record({ kind: "answer", api: "Fetch", error });
    if (error === "CORRUPT_MESSAGE") {
      world.record({ kind: "readFailed", partition, offset: from, error, askedAt });
    }
    return { error, records: [], next: from, committed: -1, logStart: -1 };
  }
  const committed = Number(part.highWatermark);
  const logStart = Number(part.logStartOffset);
  world.record({ kind: "bounds", partition, logStart, committed, askedAt });
  const { records, next } = readRecords(part.records, from);
  if (records.length > 0) {
    const nodeId = client.nodeOf?.(answer);
    world.record({ kind: "read", reader, partition, from, askedAt, records, nodeId });
  }
  return { error, records, next, committed, logStart };
}

function readRecords(
  bytes: Uint8Array | null,
  from: number,
): { records: RecordSeen[]; next: number } {
  const records: RecordSeen[] = [];
  let next = from;
  for (const batch of recordBatches(bytes ?? new Uint8Array(0))) {
    if (!batch.isWhole) break;
    next = batch.nextOffset;
    if (batch.isControl) continue;
    records.push(...recordsOf(batch).filter(({ offset }) => offset >= from));
  }
  return { records, next };
}

/** Records that nobody can have sent are one record without a stamp. */
function recordsOf(batch: RecordBatch): RecordSeen[] {
  try {
    const records = decodeRecords(batch, { compression, sizeBytesMax: 2 ** 24 });
    return records.map((record) => ({ offset: record.offset, stamp: stampOf(record) }));
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return [{ offset: batch.nextOffset - 1, stamp: undefined }];
  }
}

/** Where a partition begins or ends; undefined when the broker does not say. */
export async function listOffset(
  world: World,
  client: Client,
  target: Target,
  timestamp: -1 | -2,
): Promise<number | undefined> {
  const { topic, index } = target;
  const askedAt = world.history.length;
  const answer = await world.ask(client, "ListOffsets", 9, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic.name, partitions: [{ partitionIndex: index, timestamp }] }],
  });
  const part = answer.topics[0]?.partitions[0];
  if (part?.errorCode === 0) {
    const offset = Number(part.offset);
    const partition = keyOf(target);
    const isOfIt = !world.mayBeTakenForAnother(topic);
    if (timestamp === -1 && isOfIt) world.record({ kind: "latest", partition, offset, askedAt });
    return offset;
  }
  world.record({ kind: "answer", api: "ListOffsets", error: errorName(part?.errorCode ?? -1) });
  return undefined;
}
