import { BatchWalk } from "../../../log/batch-walk.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import type { Segment } from "../segment/segment.ts";

/** What a batch says of itself, by its header alone. */
export interface BatchHead {
  readonly leaderEpoch: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly endPosition: number;
}

/** The head of the batch that begins at `position`; undefined: none that can be one does. */
export async function readHead(
  segment: Segment,
  position: number,
  offsetMin: number,
): Promise<BatchHead | undefined> {
  const bytes = await segment.log.use((file) => file.read(position, batchHeaderBytes));
  const walk = new BatchWalk(bytes, 0, offsetMin);
  const sight = walk.look();
  if (sight !== "batch" && !(sight === "short" && bytes.length === batchHeaderBytes)) {
    return undefined;
  }
  const { leaderEpoch, baseOffset, lastOffset, sizeBytes } = walk;
  return { leaderEpoch, baseOffset, lastOffset, endPosition: position + sizeBytes };
}
