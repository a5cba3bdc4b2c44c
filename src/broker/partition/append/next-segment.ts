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

/** The same behind what `active` was given last, which is taken back where it can not be made. */
export async function makeNextSegment(
  place: SegmentPlace,
  active: Segment,
  { baseOffset, isFsync }: { readonly baseOffset: number; readonly isFsync: boolean },
): Promise<Segment> {
  try {
    // A power cut tears the last segment only.
    if (isFsync) await active.log.use((file) => file.sync());
    return await makeSegment(place, baseOffset);
  } catch (error) {
    await active.log.use((file) => file.truncate(active.sizeBytes));
    throw error;
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
