import { BatchWalk } from "../../../log/batch-walk.ts";
import type { OffsetIndex } from "../../../log/offset-index.ts";
import type { TimeEntry, TimeIndex } from "../../../log/time-index.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import type { DiskFile } from "../../ports/disk.ts";

/** One read on the way over heads. */
const chunkBytes = 8 * 1024;

/**
 * The head of the first batch that ends at or after `offset`, from a place on where a batch begins.
 * Undefined: there is none, or bytes on the way are no batch. Sums are not checked.
 */
export async function findHead(
  file: DiskFile,
  from: { readonly position: number; readonly offsetMin: number },
  offset: number,
): Promise<BatchWalk | undefined> {
  let { position, offsetMin } = from;
  while (position < file.sizeBytes) {
    const walk = new BatchWalk(await file.read(position, chunkBytes), 0, offsetMin);
    for (;;) {
      const sight = walk.look();
      if (sight === "bad") return undefined;
      const isHead = walk.bytes.length - walk.position >= batchHeaderBytes;
      if (sight === "end" || (sight === "short" && !isHead)) break;
      if (walk.lastOffset >= offset) return walk;
      walk.advance();
      if (sight === "short") break;
    }
    if (walk.position === 0) return undefined;
    position += walk.position;
    offsetMin = walk.offsetMin;
  }
  return undefined;
}

/** Whether a batch holds what an entry of a time index says: nothing else proves the entry. */
export async function isTimeEntryTrue(
  file: DiskFile,
  offsets: OffsetIndex,
  entry: TimeEntry,
): Promise<boolean> {
  const { position } = offsets.findEntry(entry.offset);
  const head = await findHead(file, { position, offsetMin: offsets.baseOffset }, entry.offset);
  if (head === undefined || head.baseOffset > entry.offset) return false;
  return head.maxTimestampMs === entry.timestampMs;
}

/**
 * Whether a time index can be whole up to the last entry of its offset index: its own last entry is
 * true, and it knows of no less than that entry's batch.
 */
export async function areTimesWhole(
  file: DiskFile,
  offsets: OffsetIndex,
  times: TimeIndex,
): Promise<boolean> {
  const { last } = times;
  if (last !== undefined && !(await isTimeEntryTrue(file, offsets, last))) return false;
  if (offsets.count === 0) return true;
  const { lastPosition: position, lastOffset, baseOffset } = offsets;
  const head = await findHead(file, { position, offsetMin: baseOffset }, lastOffset);
  return head !== undefined && head.maxTimestampMs <= (last?.timestampMs ?? -1);
}

/** As `areTimesWhole`, of a closed segment: a batch with a time has left an entry there. */
export async function areClosedTimesWhole(
  file: DiskFile,
  offsets: OffsetIndex,
  times: TimeIndex,
): Promise<boolean> {
  if (times.count > 0 || offsets.count > 0) return await areTimesWhole(file, offsets, times);
  const { baseOffset } = offsets;
  const head = await findHead(file, { position: 0, offsetMin: baseOffset }, baseOffset);
  return head === undefined ? file.sizeBytes === 0 : head.maxTimestampMs < 0;
}
