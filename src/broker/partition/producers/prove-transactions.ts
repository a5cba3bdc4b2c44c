import { currentMagic } from "../../../protocol/record-batch.ts";
import type { BatchWalk } from "../../../log/batch-walk.ts";
import type { AbortedTransaction, TransactionIndex } from "../../../log/transaction-index.ts";
import { findHead } from "../segment/find-head.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/** Batches of one transaction that are looked at. */
const looksMax = 1_000;

/**
 * Whether each entry of a `.txnindex` says what the log says: nothing in the file proves it. A
 * marker of that producer ends the transaction, a batch of it begins there, and the last stable
 * offset is where the marker ends or another transaction begins. Compaction may have removed them.
 */
export async function areTransactionsTrue(
  index: TransactionIndex,
  segments: SegmentList,
): Promise<boolean> {
  for (const entry of index.entries()) {
    if (!(await isTransactionTrue(entry, segments))) return false;
  }
  return true;
}

async function isTransactionTrue(
  { producerId, firstOffset, lastOffset, lastStableOffset }: AbortedTransaction,
  segments: SegmentList,
): Promise<boolean> {
  const fits = (head: BatchWalk | undefined, offset: number): boolean => {
    if (head?.magic !== currentMagic || head.baseOffset !== offset) return !segments.isDense;
    return head.batch.isTransactional && head.batch.producerId === producerId;
  };
  if (lastStableOffset > lastOffset + 1) return false;
  const marker = await headAt(segments, lastOffset);
  if (!fits(marker, lastOffset)) return false;
  if (!(await isOneTransaction(segments, { producerId, firstOffset, lastOffset }))) return false;
  const first = segments.first?.baseOffset ?? 0;
  if (firstOffset >= first && !fits(await headAt(segments, firstOffset), firstOffset)) return false;
  if (lastStableOffset === lastOffset + 1 || lastStableOffset < first || !segments.isDense) {
    return true;
  }
  const open = await headAt(segments, lastStableOffset);
  return open?.baseOffset === lastStableOffset && open.batch.isTransactional;
}

/** Whether no other marker of the producer lies within: that would be the end of another one. */
async function isOneTransaction(
  segments: SegmentList,
  { producerId, firstOffset, lastOffset }: Omit<AbortedTransaction, "lastStableOffset">,
): Promise<boolean> {
  let looks = 0;
  for (let offset = firstOffset; offset < lastOffset && looks < looksMax; looks += 1) {
    const head = await headAt(segments, offset);
    if (head === undefined) return true;
    const { isControl, producerId: writer } = head.batch;
    const isWithin = head.magic === currentMagic && head.lastOffset < lastOffset;
    if (isWithin && isControl && writer === producerId) return false;
    offset = head.lastOffset + 1;
  }
  return true;
}

async function headAt(segments: SegmentList, offset: number): Promise<BatchWalk | undefined> {
  const segment = segments.all[segments.findIndex(offset)];
  if (segment === undefined) return undefined;
  const position = await segment.findPosition(offset);
  const from = { position, offsetMin: segment.baseOffset };
  return await segment.log.use((file) => findHead(file, from, offset));
}
