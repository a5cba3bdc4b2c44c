import type { PartitionContext } from "../partition-context.ts";
import type { Damage, Segment } from "../segment/segment.ts";

/**
 * A closed segment ends before the next begins, and no compaction made the gap: its file was cut
 * at the end of a batch, or files between the two are gone. Told here, once, and kept as damage.
 */
export function noteMissing(
  segment: Segment,
  firstOffset: number,
  context: PartitionContext,
): Damage {
  const { sizeBytes: position, endOffset } = segment;
  const damage = { position, endPosition: position, firstOffset, endOffset };
  return context.damages.note(segment, damage, "offsets are missing between two segments");
}
