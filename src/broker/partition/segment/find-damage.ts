import type { BatchWalk } from "../../../log/batch-walk.ts";
import type { DiskFile } from "../../ports/disk.ts";
import type { PartitionContext } from "../partition-context.ts";
import { findSoundBatch, type ScanFrom, scanSegment } from "./scan-segment.ts";
import type { Damage, Segment } from "./segment.ts";

/** Bytes that were found damaged before, or offsets that were found missing there. */
export function knownDamage(
  segment: Segment,
  position: number,
  offsetMin: number,
): Damage | undefined {
  if (segment.damages.length === 0) return undefined;
  return segment.damages.find(
    (damage) =>
      damage.position === position &&
      (damage.endPosition > position || damage.firstOffset >= offsetMin),
  );
}

/**
 * The damage at a place that sound batches lead to, up to the next sound one. What nobody knew is
 * told (storage.md, promise 4).
 */
export async function findDamage(
  segment: Segment,
  file: DiskFile,
  at: {
    readonly position: number;
    readonly offsetMin: number;
    readonly damage?: string | undefined;
  },
  context: PartitionContext,
): Promise<Damage> {
  const { position, offsetMin } = at;
  const { sizeBytes, endOffset } = segment;
  const before = knownDamage(segment, position, offsetMin);
  if (before !== undefined) return before;
  const range = { bad: position, to: sizeBytes, endOffset };
  const found = await findSoundBatch(file, range, offsetMin, context.crc32c);
  const meanwhile = knownDamage(segment, position, offsetMin);
  if (meanwhile !== undefined) return meanwhile;
  const damage = {
    position,
    endPosition: found?.position ?? sizeBytes,
    firstOffset: offsetMin,
    endOffset: found?.baseOffset ?? endOffset,
  };
  return context.damages.note(segment, damage, at.damage ?? "no sound batch lies there");
}

/** Visits the sound batches of a segment from a place on. What is damaged is told and passed. */
export async function scanSound(
  segment: Segment,
  how: { readonly file: DiskFile; readonly from: ScanFrom; readonly context: PartitionContext },
  visit: (walk: BatchWalk, position: number) => void,
): Promise<void> {
  const { file, context } = how;
  let { from } = how;
  for (;;) {
    const end = await scanSegment(file, from, context.crc32c, visit);
    if (end.damage === undefined) return;
    const damage = await findDamage(segment, file, end, context);
    if (damage.endPosition === file.sizeBytes) return;
    from = { ...from, position: damage.endPosition, offsetMin: damage.endOffset };
  }
}
