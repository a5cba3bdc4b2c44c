import type { FollowEnd, FollowMove } from "../../../broker/follow/following.ts";
import type { RecordSlice } from "../../../broker/follow/record-run.ts";
import { formatRecord } from "../records/format-record.ts";

/**
 * Server-sent events (WHATWG HTML, 9.2). Every record is one event without a name, its data is one
 * line of JSON, and its id the cursor behind it.
 */

/** What a client waits before it comes back, in milliseconds. */
const retryMs = 1_000;

/** `stem` and the offset behind a record are the cursor behind it. */
export function formatRecordEvents({ records, nextOffset }: RecordSlice, stem: string): Uint8Array {
  const last = records.length - 1;
  let text = "";
  for (const [at, record] of records.entries()) {
    const next = at === last ? nextOffset : record.offset + 1;
    text += `id: ${stem}${next}\ndata: ${formatRecord(record)}\n\n`;
  }
  return Buffer.from(text);
}

/** Nothing happens at the client, but it comes back to that place. */
export function formatCursorEvent(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** The beginning of a stream: where it is, should it be cut before the first record. */
export function formatFirstEvent(cursor: string): string {
  return `retry: ${retryMs}\n${formatCursorEvent(cursor)}`;
}

/** A comment: it keeps connections alive, and clients see nothing of it. */
export const heartbeat = ":\n\n";

/** The offset that was next is not in the log: the stream goes on elsewhere. */
export function formatMovedEvent(moved: FollowMove, cursor: string): string {
  return `id: ${cursor}\nevent: moved\ndata: ${JSON.stringify(moved)}\n\n`;
}

/** A topic or a partition gives no more. */
export function formatEndedEvent({ topic, partition, error }: FollowEnd, cursor: string): string {
  const data = { topic, partition, code: error.code, detail: error.message };
  return `id: ${cursor}\nevent: ended\ndata: ${JSON.stringify(data)}\n\n`;
}
