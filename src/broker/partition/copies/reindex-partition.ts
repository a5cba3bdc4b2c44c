import { XylemError } from "../../../base/errors.ts";
import { writeProducerSnapshot } from "../../../log/producer-snapshot.ts";
import { ProducerStates } from "../../../log/producer-states.ts";
import { TransactionIndex } from "../../../log/transaction-index.ts";
import type { CopySource } from "./copy-partition.ts";
import type { Partition } from "../partition.ts";
import { replaySegment } from "../recovery/replay-segment.ts";
import type { Segment } from "../segment/segment.ts";

/**
 * Makes all that is derived from the log of a partition again: offset, time and transaction
 * indexes and the snapshots of producers. The active segment is closed first. Answers how many
 * segments were gone through; those that retention removes meanwhile do not count.
 */
export async function reindexPartition(
  partition: Partition,
  signal: { readonly aborted: boolean },
): Promise<number> {
  await partition.roll();
  const source = partition.copySource(0);
  // Compaction would put other files under the names that are written here.
  return await source.segments.turns.take("swap", () => reindexAll(source, signal));
}

async function reindexAll(
  source: CopySource,
  signal: { readonly aborted: boolean },
): Promise<number> {
  const states = new ProducerStates();
  let count = 0;
  for (const segment of source.segments.all) {
    if (signal.aborted) throw new XylemError("REQUEST_TIMED_OUT", "reindexing was given up");
    if (segment.log.isRetired) continue;
    await storeSnapshot(segment, states, source);
    if (!segment.isSealed) break;
    await reindexSegment(segment, states, source);
    count += 1;
  }
  return count;
}

async function storeSnapshot(
  { baseOffset }: Segment,
  states: ProducerStates,
  { context, folder }: CopySource,
): Promise<void> {
  if (states.count === 0) return;
  const bytes = writeProducerSnapshot(states.values(), context.crc32c);
  await folder.writeSnapshot(baseOffset, bytes);
}

async function reindexSegment(
  segment: Segment,
  states: ProducerStates,
  { context }: CopySource,
): Promise<void> {
  const { clock } = context;
  const aborted = new TransactionIndex();
  const range = { from: segment.baseOffset, to: Infinity, position: 0, entryOffset: -1 };
  await replaySegment(states, segment, { ...range, nowMs: clock.nowMs(), context, aborted });
  await segment.replaceTransactions(aborted);
  segment.doubtIndexes();
  await segment.offsets();
}
