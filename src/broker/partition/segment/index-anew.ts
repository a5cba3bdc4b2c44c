import { SegmentIndexes } from "../../../log/segment-indexes.ts";
import type { PartitionContext } from "../partition-context.ts";
import { scanSound } from "./find-damage.ts";
import type { Segment } from "./segment.ts";

export interface FoundIndexes {
  readonly indexes: SegmentIndexes;
  /** A marker lies in the segment, or may lie in what is damaged. */
  readonly mayHaveAborted: boolean;
}

/** The offset and time index of a closed segment, as its sound batches say. */
export async function indexAnew(
  segment: Segment,
  context: PartitionContext,
): Promise<FoundIndexes> {
  const { baseOffset, endOffset, damages } = segment;
  const indexes = new SegmentIndexes(baseOffset);
  const intervalBytes = context.settings["log.index.interval.bytes"];
  const start = { position: 0, offsetMin: baseOffset, isExact: true };
  const from = { ...start, sumsFromOffset: 0, endOffset };
  let hasMarker = false;
  await segment.log.use((file) =>
    scanSound(segment, { file, from, context }, (walk, position) => {
      const { sizeBytes, lastOffset, maxTimestampMs } = walk;
      indexes.add({ position, sizeBytes, lastOffset, maxTimestampMs }, intervalBytes);
      hasMarker ||= walk.isControl;
    }),
  );
  return { indexes, mayHaveAborted: hasMarker || damages.length > 0 };
}
