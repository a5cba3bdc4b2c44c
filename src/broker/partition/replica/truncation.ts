import { SegmentIndexes } from "../../../log/segment-indexes.ts";
import { formatTruncationNote, type TruncationNote } from "../../../log/truncation-note.ts";
import { ProducerStates } from "../../../log/producer-states.ts";
import { formatSegmentName } from "../../../log/segment-name.ts";
import type { AppendParts } from "../append/partition-appends.ts";
import { findCut } from "../copies/find-cut.ts";
import { replaceFile } from "../directory/replace-file.ts";
import { loadProducers } from "../producers/load-producers.ts";
import { recoverSegment } from "../recovery/recover-segment.ts";
import { Segment } from "../segment/segment.ts";
import { SegmentList } from "../segment/segment-list.ts";
import { cutFiles } from "./cut-files.ts";

export const truncationNoteName = "xylem-truncation";

export interface TruncationParts extends AppendParts {
  /** What lies below may have been seen as committed. */
  readonly committed: number;
  readonly logStart: number;
  readonly intervalBytes: number;
  /** The files are cut, and the segments say so: whoever knows an end is to follow. */
  readonly onCut: (note: TruncationNote) => void;
}

/** What a truncation is to do. */
export interface TruncationPlan {
  readonly note: TruncationNote;
  /** Index of the first segment that changes. */
  readonly first: number;
}

/**
 * Where the log is divided so that nothing at or above `offset`, which it holds, stays. The log
 * start may divide a batch: when that one goes nothing is left, and the log goes on from its start.
 */
export async function planTruncation(
  { segments, context, logStart }: TruncationParts,
  offset: number,
): Promise<TruncationPlan> {
  const first = segments.findIndex(offset);
  const segment = segments.all[first] as Segment;
  const { baseOffset } = segment;
  const isShared = segment !== segments.last;
  const note = { baseOffset, isShared, isRestart: false };
  if (offset === baseOffset) {
    return { first, note: { ...note, sizeBytes: 0, end: offset, hasGap: false } };
  }
  const cut = await findCut(segment, offset, context.crc32c);
  const end = Math.min(offset, cut.nextOffset ?? offset);
  if (end < logStart) return planRestart(logStart);
  // Compacted: only where it ends says that nothing is missing before its last batch.
  const mayHaveGaps = !segments.isDense && cut.position > 0;
  const hasGap = cut.endOffset < end || mayHaveGaps;
  return { first, note: { ...note, sizeBytes: cut.position, end, hasGap } };
}

/** Nothing stays; the log goes on at `offset`. */
export function planRestart(offset: number): TruncationPlan {
  const place = { baseOffset: offset, sizeBytes: 0, end: offset };
  return { first: 0, note: { ...place, isShared: false, hasGap: false, isRestart: true } };
}

/**
 * Cuts the files of an open partition to which nothing is written, and makes all that follows from
 * them again. Readers of what goes are waited for, who comes meanwhile waits. The note stays, for
 * `removeNote`. Rejects with nothing changed unless `progress.hasBegun`: then only another start
 * tells what there is.
 */
export async function applyTruncation(
  parts: TruncationParts,
  { note, first }: TruncationPlan,
  progress: { hasBegun: boolean },
): Promise<void> {
  const { context, folder, segments } = parts;
  await folder.make();
  progress.hasBegun = true;
  await writeNote(parts, note, progress);
  const gate = Promise.withResolvers<void>();
  // Who waits is told; nobody may.
  gate.promise.catch(() => undefined);
  const old = segments.all.slice(first);
  try {
    await Promise.all(old.map((segment) => segment.supersede(gate.promise)));
    await cutFiles(context.disk, folder.path, note);
    const left = await openLeft(parts, note, old[0]);
    const all = [...segments.all.slice(0, first), ...left];
    await followEpochs(parts, note);
    await followProducers(parts, note, new SegmentList(all, segments));
    if (note.hasGap) await left[0]?.seal({ sync: true });
    segments.replaceFrom(first, left);
    parts.onCut(note);
    gate.resolve();
  } catch (error) {
    gate.reject(error);
    throw error;
  }
}

/** A note that may be there after a failure goes again, or the log is not to be used any more. */
async function writeNote(
  parts: TruncationParts,
  note: TruncationNote,
  progress: { hasBegun: boolean },
): Promise<void> {
  const place = { directory: parts.folder.path, name: truncationNoteName };
  try {
    await replaceFile(parts.context.disk, place, formatTruncationNote(note));
  } catch (error) {
    await removeNote(parts);
    progress.hasBegun = false;
    throw error;
  }
}

/** From here on a start takes the files as they are; what they follow from is durable. */
export async function removeNote({ context, folder }: TruncationParts): Promise<void> {
  await context.disk.remove(`${folder.path}/${truncationNoteName}`);
  await context.disk.syncDirectory(folder.path);
}

/** The segments in the place of those that changed; a closed one is to be sealed. */
async function openLeft(
  parts: TruncationParts,
  note: TruncationNote,
  old: Segment | undefined,
): Promise<Segment[]> {
  const head = await openHead(parts, note, old);
  if (!note.hasGap) return [head];
  head.endOffset = note.end;
  const empty = newSegment(parts, { baseOffset: note.end, sizeBytes: 0, transactionFile: "none" });
  empty.activate(new SegmentIndexes(note.end));
  return [head, empty];
}

async function openHead(
  parts: TruncationParts,
  note: TruncationNote,
  old: Segment | undefined,
): Promise<Segment> {
  const { context, segments, epochs, intervalBytes } = parts;
  const { baseOffset, sizeBytes, end, hasGap } = note;
  const transactionFile = await findTransactionFile(parts, note);
  const head = newSegment(parts, { baseOffset, sizeBytes, transactionFile });
  if (hasGap) head.endOffset = end;
  if (old !== undefined && sizeBytes > 0) head.createdMs = old.createdMs;
  const { isDense } = segments;
  const rules = { recoveryPoint: end, isClean: true, intervalBytes, epochs, isDense };
  const none = { goesOnLater: async () => false, visit: () => undefined };
  const { endOffset } = await recoverSegment(head, { ...rules, ...none }, context);
  head.endOffset = endOffset;
  for (const damage of old?.damages ?? []) {
    const isKnown = head.damages.some(({ position }) => position === damage.position);
    const stays = damage.endPosition <= sizeBytes && damage.firstOffset < end;
    if (stays && !isKnown) head.damages.push(damage);
  }
  return head;
}

/** As of a segment that a start finds. */
async function findTransactionFile(
  { context, folder }: TruncationParts,
  { baseOffset, sizeBytes }: TruncationNote,
): Promise<"there" | "none" | "unknown"> {
  if (sizeBytes === 0) return "none";
  const names = new Set((await context.disk.list(folder.path)).map(({ name }) => name));
  if (names.has(formatSegmentName(baseOffset, ".txnindex"))) return "there";
  return names.has(formatSegmentName(baseOffset, ".index")) ? "none" : "unknown";
}

function newSegment(
  { context, folder }: TruncationParts,
  facts: Pick<Segment, "baseOffset" | "sizeBytes"> & {
    readonly transactionFile: "there" | "none" | "unknown";
  },
): Segment {
  const nowMs = context.clock.nowMs();
  const times = { firstTimestampMs: -1, createdMs: nowMs, modifiedMs: nowMs };
  return new Segment(context, folder.path, { ...facts, ...times, endOffset: facts.baseOffset });
}

async function followEpochs(
  { epochs, folder }: TruncationParts,
  { end, isRestart }: TruncationNote,
): Promise<void> {
  epochs.truncate(isRestart ? -1 : end);
  await folder.writeEpochs(epochs);
}

/** From the newest snapshot that is true of what is left. */
async function followProducers(
  parts: TruncationParts,
  note: TruncationNote,
  segments: SegmentList,
): Promise<void> {
  const { context, folder, producers } = parts;
  const { end } = note;
  // Of a closed segment that is new its aborted transactions are to be found.
  const recoveryPoint = note.hasGap ? note.baseOffset : end;
  const logStart = note.isRestart ? end : parts.logStart;
  const committed = Math.min(parts.committed, end);
  const names = (await context.disk.list(folder.path)).map(({ name }) => name);
  const states = new ProducerStates();
  const bounds = { logStart, end, recoveryPoint, isClean: false, committed };
  await loadProducers(states, { folder, names, segments, bounds, context });
  states.settle(committed);
  producers.replace(states);
}
