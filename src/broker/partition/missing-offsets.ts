import type { PartitionContext } from "./partition-context.ts";
import { parsePartitionName } from "./partition-name.ts";
import type { Damage, Segment } from "./segment.ts";

/**
 * A closed segment ends before the next begins, and no compaction made the gap: its file was cut
 * at the end of a batch, or files between the two are gone. Told here, once, and kept as damage.
 */
export function noteMissing(
  segment: Segment,
  firstOffset: number,
  context: PartitionContext,
): Damage {
  const { sizeBytes, endOffset } = segment;
  const damage = { position: sizeBytes, endPosition: sizeBytes, firstOffset, endOffset };
  segment.damages.push(damage);
  const { path } = segment.log;
  const owner = parsePartitionName(path.slice(0, path.lastIndexOf("/")));
  context.log.error("offsets are missing between two segments; the rest is served", {
    topic: owner?.topic,
    partition: owner?.index,
    segment: path,
    firstOffset,
    endOffset,
  });
  return damage;
}
