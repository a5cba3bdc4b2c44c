import { BatchWalk } from "../../../log/batch-walk.ts";
import type { LeaderEpochs } from "../../../log/leader-epochs.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import type { Segment } from "../segment/segment.ts";

/** What a batch says of itself, by its header alone. */
interface Head {
  readonly leaderEpoch: number;
  readonly lastOffset: number;
  readonly endPosition: number;
}

/**
 * Whether the log says that its checkpoint of epochs, which has no sum, is spoiled: two batches of
 * the first or the last segment have one epoch and the checkpoint another. A single one may be
 * spoiled itself. The checkpoint may lag behind batches from `toldBelow` on.
 */
export async function contradictsEpochs(
  segments: readonly Segment[],
  epochs: LeaderEpochs,
  toldBelow: number,
): Promise<boolean> {
  const others: Head[] = [];
  for (const segment of new Set([segments[0], segments.at(-1)])) {
    if (segment === undefined) continue;
    const first = await readHead(segment, 0, segment.baseOffset);
    if (first === undefined || isAsTold(first, epochs, toldBelow)) continue;
    others.push(first);
    const second = await readHead(segment, first.endPosition, first.lastOffset + 1);
    if (second !== undefined && !isAsTold(second, epochs, toldBelow)) others.push(second);
  }
  const [one, ...more] = others;
  return more.some(({ leaderEpoch }) => leaderEpoch === one?.leaderEpoch);
}

function isAsTold(head: Head, epochs: LeaderEpochs, toldBelow: number): boolean {
  const { leaderEpoch, lastOffset } = head;
  if (leaderEpoch > epochs.latest && lastOffset >= toldBelow) return true;
  return epochs.canHave(leaderEpoch, lastOffset);
}

async function readHead(
  segment: Segment,
  position: number,
  offsetMin: number,
): Promise<Head | undefined> {
  const bytes = await segment.log.use((file) => file.read(position, batchHeaderBytes));
  const walk = new BatchWalk(bytes, 0, offsetMin);
  const sight = walk.look();
  if (sight !== "batch" && !(sight === "short" && bytes.length === batchHeaderBytes)) {
    return undefined;
  }
  const { leaderEpoch, lastOffset, sizeBytes } = walk;
  return { leaderEpoch, lastOffset, endPosition: position + sizeBytes };
}
