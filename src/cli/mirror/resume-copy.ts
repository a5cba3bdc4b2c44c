import { RecordBatch, recordBatches } from "../../protocol/record-batch.ts";
import type { KafkaCluster } from "./kafka-cluster.ts";
import { emptyBatches, mirrorBatches } from "./mirrored-batches.ts";
import type { Mark, MirrorMarks } from "./mirror-marks.ts";
import type { MirrorReport } from "./mirror-report.ts";
import { isOther, type PartitionCopy } from "./partition-copy.ts";
import { appendMirrored, fetchOnce, listOffset } from "./partition-calls.ts";
import { WireFailure } from "./wire-failure.ts";

export interface CopyEnds {
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly marks: MirrorMarks;
  readonly report: MirrorReport;
}

interface Bounds {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds where a copy goes on: at the end of the target's log, which holds all there is to know.
 * Throws WireFailure when that log is not the beginning of the source's.
 */
export async function resumeCopy(copy: PartitionCopy, ends: CopyEnds): Promise<void> {
  const { sourceId, targetId } = copy;
  const source = await boundsAt(ends.source, copy.sourceLeaderId, copy);
  const target = await boundsAt(ends.target, copy.targetLeaderId, copy);
  copy.sourceEnd = source.end;
  const kept = await findKept(copy, ends.marks, target.end);
  checkEnds(copy, source.end, target.end);
  copy.cutTo = Infinity;
  const found = target.end === 0 ? -1 : await checkSame(copy, ends, { source, target, kept });
  // What was fetched from another leader may be older than what is there now.
  const epoch = copy.last.next === target.end ? copy.last.epoch : found;
  const start = kept?.start ?? (target.end === 0 ? source.start : target.start);
  const next = { sourceId, start };
  const place = [copy.topic, copy.index] as const;
  if (kept === undefined) await ends.marks.write(place, target.end, next);
  const end = await skipDeleted(copy, ends, { source, target, start });
  if (start > target.start) await deleteBelow(copy, ends.target, Math.min(start, end));
  checkStill(copy, { sourceId, targetId });
  copy.last = { epoch: end === target.end ? epoch : -1, next: end };
  copy.copied = end;
  copy.position = end;
}

const madeAnew =
  "the topic was made anew at the source, the target has the records of the one before: " +
  "delete it at the target to have it copied again";

/** The mark of what is at the target, where it vouches for the source's topic of now. */
async function findKept(
  { topic, index, sourceId }: PartitionCopy,
  marks: MirrorMarks,
  targetEnd: number,
): Promise<Mark | undefined> {
  // The topic may have been made anew there: a mark would be of the log before.
  if (targetEnd === 0) return undefined;
  const mark = await marks.find(topic, index);
  if (mark === undefined || mark.sourceId === sourceId) return mark;
  if (isOther(mark.sourceId, sourceId)) throw new WireFailure(madeAnew);
  return undefined;
}

function checkEnds({ cutTo }: PartitionCopy, sourceEnd: number, targetEnd: number): void {
  if (targetEnd > sourceEnd) {
    const detail = `the target's log ends at ${targetEnd}, the source's at ${sourceEnd}`;
    throw new WireFailure(`${detail}: it is of another topic, or was written to by others`);
  }
  if (targetEnd <= cutTo) return;
  const detail = `the source has cut its log back to ${cutTo} since it was copied`;
  throw new WireFailure(`${detail} to ${targetEnd}: the target's log is not the source's`);
}

/** It may be followed elsewhere while its ends are asked. */
function checkStill(
  copy: PartitionCopy,
  { sourceId, targetId }: Pick<PartitionCopy, "sourceId" | "targetId">,
): void {
  if (copy.sourceId === sourceId && copy.targetId === targetId) return;
  throw new WireFailure("the topic was made anew meanwhile", { isPassing: true });
}

async function boundsAt(
  cluster: KafkaCluster,
  leaderId: number,
  copy: PartitionCopy,
): Promise<Bounds> {
  const start = await listOffset(cluster, leaderId, copy, "earliest");
  const end = await listOffset(cluster, leaderId, copy, "latest");
  return { start, end };
}

/**
 * The newest batch at the target must be the source's, whose leader epoch is answered. Where the
 * source has deleted it, the mark has to vouch for what is there: -1.
 */
async function checkSame(
  copy: PartitionCopy,
  ends: CopyEnds,
  found: { source: Bounds; target: Bounds; kept: Mark | undefined },
): Promise<number> {
  const last = found.target.end - 1;
  if (last < found.source.start || last < found.target.start) {
    if (found.kept !== undefined) return -1;
    throw new WireFailure("the target's log is not this mirror's: delete the topic there first");
  }
  const other = await lookAt(ends.target, copy.targetLeaderId, { copy, last, from: 0 });
  // Where the source's begins before, the target has only what comes from there on.
  const from = Math.min(other.base, last);
  const one = await lookAt(ends.source, copy.sourceLeaderId, { copy, last, from });
  // Compaction goes its own way on each side.
  const isUnlike = one.sum !== other.sum && (copy.isDense || found.kept === undefined);
  if (!isUnlike) return one.epoch;
  throw new WireFailure(`at offset ${last} the target's log is not the source's`);
}

interface Looked {
  readonly copy: PartitionCopy;
  readonly last: number;
  /** What of its batch comes before is left out. */
  readonly from: number;
}

interface Sight {
  /** Tells the batch, as it is mirrored; all empty ones are alike. */
  readonly sum: string;
  readonly base: number;
  /** -1: there is nothing at that offset itself. */
  readonly epoch: number;
}

/** The batch that holds an offset. */
async function lookAt(
  cluster: KafkaCluster,
  leaderId: number,
  { copy, last, from }: Looked,
): Promise<Sight> {
  const fetched = await fetchOnce(cluster, leaderId, copy, last);
  const [stored] = recordBatches(fetched.bytes);
  if (stored === undefined) return { sum: "none", base: last, epoch: -1 };
  const { baseOffset: base, partitionLeaderEpoch } = stored;
  const epoch = base <= last ? partitionLeaderEpoch : -1;
  const { parts } = mirrorBatches({ ...fetched, from: Math.max(from, base), isDense: false });
  const [part] = parts;
  if (part === undefined) return { sum: "none", base, epoch };
  const first = new RecordBatch(part);
  const sum = first.recordCount === 0 ? "empty" : `${first.baseOffset} ${first.crc}`;
  return { sum, base, epoch };
}

/**
 * What the source has deleted is passed over by batches without records, up to the batch that its
 * log start divides: that one is whole there, and is copied so. Answers the end then.
 */
async function skipDeleted(
  copy: PartitionCopy,
  ends: CopyEnds,
  { source, target, start }: { source: Bounds; target: Bounds; start: number },
): Promise<number> {
  if (target.end >= source.start) return target.end;
  const found = await findDivided(copy, ends, source);
  // Past its beginning only the records that are left of it can be written, as they are fetched.
  const divided = found !== undefined && target.end <= found.base ? found : undefined;
  const base = divided?.base ?? source.start;
  let { end } = target;
  for (const batch of emptyBatches(end, base)) {
    await appendMirrored(ends.target, copy, { parts: [batch], from: end });
    end = Math.min(base, end + 2 ** 31);
  }
  if (divided !== undefined) {
    await appendMirrored(ends.target, copy, { parts: divided.parts, from: end });
    end = divided.next;
  }
  const lost = source.start - Math.max(start, target.end);
  if (lost > 0) {
    ends.report.counts.offsetsLost += lost;
    ends.report.say(`${copy.name}: ${lost} offsets were deleted before they were copied`);
  }
  return end;
}

interface Divided {
  readonly base: number;
  readonly next: number;
  readonly parts: readonly Uint8Array[];
}

/** The batch that the source's log start divides, as it is mirrored. */
async function findDivided(
  copy: PartitionCopy,
  { source }: CopyEnds,
  { start, end }: Bounds,
): Promise<Divided | undefined> {
  if (start >= end) return undefined;
  const fetched = await fetchOnce(source, copy.sourceLeaderId, copy, start);
  const [first] = recordBatches(fetched.bytes);
  if (first === undefined || first.baseOffset >= start) return undefined;
  const base = first.baseOffset;
  return { base, ...mirrorBatches({ ...fetched, from: base, isDense: copy.isDense }) };
}

async function deleteBelow(
  { topic, index, targetLeaderId }: PartitionCopy,
  target: KafkaCluster,
  offset: number,
): Promise<void> {
  const partitions = [{ partitionIndex: index, offset }];
  const body = { topics: [{ name: topic, partitions }], timeoutMs: 30_000 };
  const answer = await target.callNode(targetLeaderId, "DeleteRecords", body);
  const errorCode = answer.topics[0]?.partitions[0]?.errorCode ?? 0;
  if (errorCode !== 0) throw WireFailure.ofCode(errorCode, "moving the log start at the target");
}
