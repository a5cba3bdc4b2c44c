import type { LeaderEpochs } from "../../../log/leader-epochs.ts";
import type { Segment } from "../segment/segment.ts";
import { type BatchHead, readHead } from "./read-head.ts";

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
  const others: BatchHead[] = [];
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

function isAsTold(head: BatchHead, epochs: LeaderEpochs, toldBelow: number): boolean {
  const { leaderEpoch, lastOffset } = head;
  if (leaderEpoch > epochs.latest && lastOffset >= toldBelow) return true;
  return epochs.canHave(leaderEpoch, lastOffset);
}
