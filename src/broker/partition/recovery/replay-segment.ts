import type { BatchWalk } from "../../../log/batch-walk.ts";
import type { ProducerStates } from "../../../log/producer-states.ts";
import type { TransactionIndex } from "../../../log/transaction-index.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { scanSound } from "../segment/find-damage.ts";
import type { PartitionContext } from "../partition-context.ts";
import { replayBatch } from "../producers/producer-replay.ts";
import { isPlaceTrue } from "../segment/is-place-true.ts";
import type { ScanFrom } from "../segment/scan-segment.ts";
import type { Segment } from "../segment/segment.ts";

export interface Replay {
  readonly from: number;
  readonly to: number;
  /** Where to begin, and the last offset of the batch there as the index has it; -1: not known. */
  readonly position: number;
  readonly entryOffset: number;
  readonly nowMs: number;
  readonly context: PartitionContext;
  /** Takes the transactions that are aborted in what is replayed. */
  readonly aborted?: TransactionIndex | undefined;
}

/** Visits the sound batches that end in [from, to). What is damaged is told and passed over. */
export async function replaySegment(
  states: ProducerStates,
  segment: Segment,
  replay: Replay,
): Promise<void> {
  const { to, nowMs, context } = replay;
  const visit = (walk: BatchWalk): void => {
    if (walk.lastOffset < replay.from || walk.lastOffset >= to) return;
    const ended = replayBatch(states, walk, nowMs);
    if (ended !== undefined) replay.aborted?.append(ended);
  };
  await segment.log.use(async (file) => {
    const from = await findStart(segment, file, replay);
    await scanSound(segment, { file, from, context }, visit);
  });
}

/** The place that the index says, if it says so truly; else the segment's beginning. */
async function findStart(segment: Segment, file: DiskFile, replay: Replay): Promise<ScanFrom> {
  const { baseOffset: offsetMin, endOffset } = segment;
  const { position, context } = replay;
  const rules = { offsetMin, endOffset, sumsFromOffset: 0 };
  if (await isPlaceTrue(file, replay, offsetMin, context.crc32c)) {
    return { ...rules, position, isExact: position === 0 };
  }
  segment.doubtIndexes();
  return { ...rules, position: 0, isExact: true };
}
