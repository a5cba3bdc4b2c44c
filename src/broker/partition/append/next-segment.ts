import { XylemError } from "../../../base/errors.ts";
import type { DiskFile } from "../../ports/disk.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import { Segment } from "../segment/segment.ts";
import type { NewSegment } from "./append-queue.ts";

export interface SegmentPlace {
  readonly context: PartitionContext;
  readonly folder: PartitionFolder;
}

/** The file of a segment that is to begin there, empty. Rejects as the disk does. */
export async function makeSegment(
  { context, folder }: SegmentPlace,
  baseOffset: number,
): Promise<Segment> {
  await folder.make();
  const nowMs = context.clock.nowMs();
  const segment = new Segment(context, folder.path, {
    baseOffset,
    endOffset: baseOffset,
    sizeBytes: 0,
    firstTimestampMs: -1,
    createdMs: nowMs,
    modifiedMs: nowMs,
  });
  await segment.log.create();
  folder.isDirty = true;
  return segment;
}

/** Whose file holds more than it counts. */
interface ActiveFile {
  readonly active: Segment;
  readonly file: DiskFile;
  readonly isFsync: boolean;
}

/**
 * The same behind what the active segment was given last. That is taken back where it can not be
 * made; KAFKA_STORAGE_ERROR where neither can be done.
 */
export async function makeNextSegment(
  place: SegmentPlace,
  baseOffset: number,
  given: ActiveFile,
): Promise<Segment> {
  try {
    return await makeSegment(place, baseOffset);
  } catch (error) {
    await takeBack(given);
    throw error;
  }
}

async function takeBack({ active, file, isFsync }: ActiveFile): Promise<void> {
  try {
    await file.truncate(active.sizeBytes);
    // What goes was on the disk already.
    if (isFsync) await file.sync();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `what was refused can not be taken back: ${why}`;
    throw new XylemError("KAFKA_STORAGE_ERROR", detail, { cause: error });
  }
}

/**
 * Writes what goes beside a closed segment. Appends do not wait for it: until a segment is sealed
 * the recovery point stays below it, so that a start after a crash makes its indexes, and the
 * producers' state, again from the log. Never rejects.
 */
export async function sealClosed(
  { context, folder }: SegmentPlace,
  closed: Segment,
  { baseOffset: nextOffset, snapshot }: NewSegment & { readonly baseOffset: number },
): Promise<void> {
  const tasks = [closed.seal({ sync: true })];
  if (snapshot !== undefined) tasks.push(folder.writeSnapshot(nextOffset, snapshot));
  await Promise.all(tasks).catch((error: unknown) => {
    // Indexes and snapshots are made again from the log when they are missing.
    context.log.warn("index or snapshot of a closed segment was not written", {
      segment: closed.path(".log"),
      why: error instanceof Error ? error.message : String(error),
    });
  });
}
