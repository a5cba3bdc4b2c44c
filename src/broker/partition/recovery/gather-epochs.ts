import type { BatchWalk } from "../../../log/batch-walk.ts";
import { LeaderEpochs } from "../../../log/leader-epochs.ts";
import type { PartitionContext } from "../partition-context.ts";
import { findSoundBatch, type ScanFrom, scanSegment } from "../segment/scan-segment.ts";
import type { Segment } from "../segment/segment.ts";
import { readHead } from "./read-head.ts";

/**
 * The epochs of a log whose checkpoint of them is lost, from its batches. A table that lacks an
 * epoch, or has one begin too late, makes damage of sound batches and of different logs equal ones:
 * so everything is read, but segments that begin with the epoch that the next one begins with.
 */
export async function gatherEpochs(
  segments: readonly Segment[],
  context: PartitionContext,
): Promise<LeaderEpochs> {
  const heads: Awaited<ReturnType<typeof readHead>>[] = [];
  for (const segment of segments) heads.push(await readHead(segment, 0, segment.baseOffset));
  const gathered = new GatheredEpochs();
  for (const [index, segment] of segments.entries()) {
    const head = heads[index];
    if (head !== undefined && head.leaderEpoch === heads[index + 1]?.leaderEpoch) {
      gathered.visit(head);
    } else await visitSound(segment, context, (walk) => gathered.visit(walk));
  }
  return gathered.end();
}

type Seen = Pick<BatchWalk, "leaderEpoch" | "baseOffset">;

/** No sum covers an epoch: one that the batch behind it does not bear out may have rotted. */
class GatheredEpochs {
  readonly #epochs = new LeaderEpochs();
  #last: Seen | undefined;

  visit({ leaderEpoch, baseOffset }: Seen): void {
    if (leaderEpoch < 0) return;
    if (this.#last !== undefined && leaderEpoch >= this.#last.leaderEpoch) this.#assignLast();
    this.#last = { leaderEpoch, baseOffset };
  }

  end(): LeaderEpochs {
    this.#assignLast();
    return this.#epochs;
  }

  #assignLast(): void {
    if (this.#last !== undefined)
      this.#epochs.assign(this.#last.leaderEpoch, this.#last.baseOffset);
  }
}

/** What is no sound batch is passed in silence: recovery, which comes next, judges it. */
async function visitSound(
  segment: Segment,
  { crc32c }: PartitionContext,
  visit: (walk: BatchWalk) => void,
): Promise<void> {
  const { baseOffset } = segment;
  // Of the last segment nobody knows yet where it ends.
  const endOffset = segment.endOffset > baseOffset ? segment.endOffset : -1;
  await segment.log.use(async (file) => {
    const sums = { isExact: true, sumsFromOffset: 0, endOffset };
    let from: ScanFrom = { position: 0, offsetMin: baseOffset, ...sums };
    for (;;) {
      const end = await scanSegment(file, from, crc32c, visit);
      if (end.damage === undefined) return;
      const range = { bad: end.position, to: file.sizeBytes, endOffset };
      const found = await findSoundBatch(file, range, end.offsetMin, crc32c);
      if (found === undefined || found.position === file.sizeBytes) return;
      from = { ...from, position: found.position, offsetMin: found.baseOffset };
    }
  });
}
