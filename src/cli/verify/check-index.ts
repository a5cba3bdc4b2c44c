import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { type DumpedBatch, readSegment } from "../dump-segment.ts";

export interface CheckedIndex {
  /** Each entry as a line of text. */
  readonly entries: readonly string[];
  readonly faults: readonly string[];
}

const offsetEntryBytes = 8;
const timeEntryBytes = 12;

/**
 * Holds an offset or time index against the segment beside it (records.md, Index files). A running
 * node's index may end in zeros that are not written yet; they are not looked at.
 */
export function checkIndexFile(file: string): CheckedIndex {
  const segment = file.replace(/\.(time)?index$/, ".log");
  if (!existsSync(segment)) return { entries: [], faults: [`${basename(segment)} is not there`] };
  const batches = [...readSegment(segment, false)].filter(({ fault }) => fault === undefined);
  const bytes = readFileSync(file);
  const base = Number.parseInt(basename(file), 10);
  return file.endsWith(".timeindex")
    ? checkTimeIndex(bytes, base, batches)
    : checkOffsetIndex(bytes, base, batches);
}

function checkOffsetIndex(
  bytes: Buffer,
  base: number,
  batches: readonly DumpedBatch[],
): CheckedIndex {
  const entries: string[] = [];
  const faults = lengthFaults(bytes, offsetEntryBytes);
  const byPosition = new Map(batches.map((batch) => [batch.position, batch]));
  let last = -1;
  for (let at = 0; at + offsetEntryBytes <= bytes.length; at += offsetEntryBytes) {
    const relative = bytes.readInt32BE(at);
    const position = bytes.readInt32BE(at + 4);
    if (relative === 0 && position === 0 && at > 0) break;
    const offset = base + relative;
    entries.push(`offset ${offset} position ${position}`);
    const batch = byPosition.get(position);
    if (offset <= last) faults.push(`offset ${offset} comes after ${last}`);
    if (batch === undefined) faults.push(`no batch lies at position ${position}`);
    else if (offset < batch.baseOffset || offset > batch.lastOffset) {
      faults.push(`offset ${offset} is not in the batch at position ${position}`);
    }
    last = offset;
  }
  return { entries, faults };
}

function checkTimeIndex(
  bytes: Buffer,
  base: number,
  batches: readonly DumpedBatch[],
): CheckedIndex {
  const entries: string[] = [];
  const faults = lengthFaults(bytes, timeEntryBytes);
  let last = { timestamp: -(2n ** 63n), offset: -1 };
  for (let at = 0; at + timeEntryBytes <= bytes.length; at += timeEntryBytes) {
    const timestamp = bytes.readBigInt64BE(at);
    const offset = base + bytes.readInt32BE(at + 8);
    if (timestamp === 0n && offset === base && at > 0) break;
    entries.push(`timestamp ${timestamp} offset ${offset}`);
    if (timestamp <= last.timestamp || offset < last.offset) {
      faults.push(`timestamp ${timestamp} at ${offset} comes after ${last.timestamp}`);
    }
    const later = batches.find(
      (batch) => batch.lastOffset <= offset && BigInt(batch.maxTimestamp) > timestamp,
    );
    if (later !== undefined) {
      faults.push(`a batch up to ${offset} has the later timestamp ${later.maxTimestamp}`);
    }
    last = { timestamp, offset };
  }
  return { entries, faults };
}

function lengthFaults(bytes: Buffer, entryBytes: number): string[] {
  const rest = bytes.length % entryBytes;
  return rest === 0 ? [] : [`${rest} bytes are left over after the last entry`];
}
