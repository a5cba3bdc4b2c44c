import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { OutgoingRecord, RecordWriter } from "../doors/record-writer.ts";

/** What one connection of a load does. */
export interface Load {
  readonly recordsPerRequest: number;
  readonly recordBytes: number;
  /** Requests of this connection in a second; undefined: as fast as they are answered. */
  readonly requestsPerSecond: number | undefined;
  readonly durationMs: number;
  /** Requests of this connection; undefined: as many as the time allows. */
  readonly requestsMax: number | undefined;
}

/** What a load has come to so far, over all connections. */
export interface Tally {
  records: number;
  requests: number;
  /** Refused or lost requests by their reason. */
  readonly errors: Map<string, number>;
  errorCount: number;
  /** Microseconds from when a request was due to its answer. */
  readonly latencies: RecordableHistogram;
}

/** Reasons that are told apart; the rest count as "other errors". */
const reasonsMax = 20;
/** A connection that is refused rests before it asks again. */
const restAfterErrorMs = 100;

export function emptyTally(): Tally {
  return {
    records: 0,
    requests: 0,
    errorCount: 0,
    errors: new Map(),
    latencies: createHistogram(),
  };
}

/** Opens what the first request opens, unmeasured: connections, the topic's metadata. */
export async function warmUp(writer: RecordWriter, load: Load): Promise<void> {
  await writer.append(makeRecords(load));
}

/**
 * Appends until the time or the count is up, one request after the other. With a rate, a request
 * counts from the moment it was due: a broker that stands still is not measured as idle.
 */
export async function runLoad(
  writer: RecordWriter,
  load: Load,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const { durationMs, requestsPerSecond, requestsMax = Number.POSITIVE_INFINITY } = load;
  const records = makeRecords(load);
  const startMs = performance.now();
  for (let sent = 0; sent < requestsMax && !signal.aborted; sent += 1) {
    const nowMs = performance.now();
    const dueMs = requestsPerSecond ? startMs + (sent * 1_000) / requestsPerSecond : nowMs;
    if (Math.max(dueMs, nowMs) >= startMs + durationMs) return;
    if (dueMs > nowMs) await sleep(dueMs - nowMs);
    try {
      await writer.append(records);
      tally.requests += 1;
      tally.records += records.length;
      tally.latencies.record(Math.max(1, Math.round((performance.now() - dueMs) * 1_000)));
    } catch (error) {
      countError(tally, error);
      await sleep(restAfterErrorMs);
    }
  }
}

function countError(tally: Tally, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const isKept = tally.errors.has(reason) || tally.errors.size < reasonsMax;
  const kept = isKept ? reason : "other errors";
  tally.errorCount += 1;
  tally.errors.set(kept, (tally.errors.get(kept) ?? 0) + 1);
}

/** Printable bytes without a pattern that compresses to nothing. */
function makeRecords({ recordsPerRequest, recordBytes }: Load): OutgoingRecord[] {
  return Array.from({ length: recordsPerRequest }, () => {
    const text = crypto.getRandomValues(new Uint8Array(Math.min(recordBytes, 65_536)));
    const value = Buffer.alloc(recordBytes, Buffer.from(text).toString("base64"));
    return { key: null, value, headers: [] };
  });
}
