import { readInt32 } from "../../../base/bytes.ts";
import type { Crc32c } from "../../../base/crc32c.ts";
import { BatchWalk, findBatchHead } from "../../../log/batch-walk.ts";
import type { LeaderEpochs } from "../../../log/leader-epochs.ts";
import {
  batchFields,
  batchHeaderBytes,
  batchOverheadBytes,
  batchPrefixBytes,
} from "../../../protocol/record-batch.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { isStoredIntact, largeBatchBytes } from "./stored-sum.ts";

/** One read of a scan. */
const chunkBytes = 1024 * 1024;
/** Heads that look right and are none: past so many the bytes are hostile, and count as batches. */
const falseHeadsMax = 10_000;

export interface ScanFrom {
  readonly position: number;
  /** By default the end of the file. */
  readonly to?: number;
  /** The least offset the batch there may begin with. */
  readonly offsetMin: number;
  /** Whether the batch there is known to begin with `offsetMin`, short of a gap. */
  readonly isExact: boolean;
  /** Sums of batches that end at this offset or later are checked. */
  readonly sumsFromOffset: number;
  /** Where the segment ends; -1: at its last batch, before which there is no gap. */
  readonly endOffset: number;
  /** No offset may be in no batch. */
  readonly isDense?: boolean;
  /** What is known of them so far; a batch that says otherwise is bad. */
  readonly epochs?: LeaderEpochs;
  /** The log start: of what lies wholly below nobody keeps the epochs. */
  readonly deletedBelow?: number;
}

export interface ScanEnd {
  /** Where the first bytes lie that are no good batch, or the end of the file. */
  readonly position: number;
  readonly offsetMin: number;
  /** Why it is no batch; undefined at the end of the file. */
  readonly damage: string | undefined;
  /** The file ends within what may be a batch, or before what would say where the last one lies. */
  readonly isBegun?: boolean;
}

/** Visits each good batch of a segment from a position on; `position` is that of the batch. */
export async function scanSegment(
  file: DiskFile,
  from: ScanFrom,
  crc32c: Crc32c,
  visit: (walk: BatchWalk, position: number) => void,
): Promise<ScanEnd> {
  let { position, offsetMin, isExact } = from;
  let wanted = chunkBytes;
  for (;;) {
    const to = Math.min(file.sizeBytes, from.to ?? Infinity);
    if (position >= to) return { position, offsetMin, damage: undefined };
    const bytes = await file.read(position, Math.min(wanted, to - position));
    const isCut = bytes.length < Math.min(wanted, to - position);
    const walk = new BatchWalk(bytes, 0, offsetMin);
    const isLast = position + bytes.length === to;
    const endOffset = isLast ? from.endOffset : undefined;
    const rules = { ...from, position, isExact, endOffset };
    const damage = visitChunk(walk, rules, { crc32c, visit });
    if (walk.position > 0) isExact = true;
    offsetMin = walk.offsetMin;
    position += walk.position;
    if (damage !== undefined) {
      const isBegun = isLast && damage === outOfOrder && isUnconfirmed(walk, from);
      return { position, offsetMin, damage, isBegun };
    }
    if (isCut) return { position, offsetMin, damage: "the file was cut while it was in use" };
    wanted = Math.max(chunkBytes, walk.sizeBytes + batchHeaderBytes);
    if (walk.position === bytes.length) continue;
    if (position + walk.sizeBytes > to) {
      return { position, offsetMin, damage: "the batch is cut short", isBegun: true };
    }
    const { sizeBytes } = walk;
    if (sizeBytes > largeBatchBytes) {
      const isIntact = await isStoredIntact(file, { position, sizeBytes }, crc32c);
      if (!isIntact) return { position, offsetMin, damage: "the checksum is wrong" };
    }
  }
}

const outOfOrder = "its offsets do not go on from the batch before";

/** Whether so little is behind the batch in sight, behind a gap, that it says nothing of it. */
function isUnconfirmed(walk: BatchWalk, { isDense, endOffset }: ScanFrom): boolean {
  const behindBytes = walk.bytes.length - (walk.position + walk.sizeBytes);
  return isDense !== true && endOffset < 0 && behindBytes < batchPrefixBytes;
}

interface ChunkRules extends Omit<ScanFrom, "endOffset"> {
  /** As of the scan; undefined: the chunk does not reach the end of the file. */
  readonly endOffset: number | undefined;
}

/** Goes over the whole batches of a chunk; answers what is wrong with the one it stopped at. */
function visitChunk(
  walk: BatchWalk,
  rules: ChunkRules,
  how: { crc32c: Crc32c; visit: (walk: BatchWalk, position: number) => void },
): string | undefined {
  for (let sight = walk.look(); sight !== "end"; sight = walk.look()) {
    if (sight === "short") return undefined;
    if (sight === "bad") return "no batch begins here";
    const isSumDue = walk.lastOffset >= rules.sumsFromOffset;
    if (isSumDue && !walk.isIntact(how.crc32c)) return "the checksum is wrong";
    if (rules.isExact || walk.position > 0) {
      const isNext = walk.baseOffset === walk.offsetMin;
      const fits = rules.isDense === true ? isNext : walk.fits(rules.endOffset);
      if (fits === undefined) return undefined;
      if (!fits) return outOfOrder;
    }
    const isOfEpoch = hasPlausibleEpoch(walk, rules);
    if (isOfEpoch === undefined) return undefined;
    if (!isOfEpoch) return "its leader epoch is not that of the batches around it";
    how.visit(walk, rules.position + walk.position);
    walk.advance();
  }
  return undefined;
}

/**
 * Whether the leader epoch of the batch in sight, which no sum covers, can be true: that of its
 * offsets as far as is known or, where one begins, that of the batch behind it too. A log of our
 * own has its epochs written down. Undefined: what is behind it is not in the bytes.
 */
function hasPlausibleEpoch(walk: BatchWalk, rules: ChunkRules): boolean | undefined {
  const { epochs, isDense, endOffset, deletedBelow = 0 } = rules;
  const { leaderEpoch } = walk;
  const isSaid = epochs !== undefined && leaderEpoch !== -1 && walk.lastOffset >= deletedBelow;
  if (!isSaid) return true;
  const known = isDense === true ? Math.max(0, epochs.latest) : epochs.latest;
  if (leaderEpoch <= known) return epochs.canHave(leaderEpoch, walk.lastOffset);
  const end = walk.position + walk.sizeBytes;
  const behind = new BatchWalk(walk.bytes, end, walk.lastOffset + 1);
  const sight = behind.look();
  if (sight === "batch" || (sight === "short" && end + batchHeaderBytes <= walk.bytes.length)) {
    return behind.leaderEpoch >= leaderEpoch;
  }
  if (endOffset === undefined && sight !== "bad") return undefined;
  return isDense !== true;
}

/** A good batch that was found by searching. */
export interface FoundBatch {
  readonly position: number;
  readonly sizeBytes: number;
  readonly baseOffset: number;
  readonly endOffset: number;
}

/**
 * The first good batch of magic 2 that begins behind `bad`, below `to`, and goes on at or after
 * `offsetMin`. Where the bad one says it ends is looked at first: its records may hold batches.
 * Too many bytes that only look like one count as found at the first of them: nothing is cut then.
 */
export async function findBatch(
  file: DiskFile,
  range: { bad: number; to: number },
  offsetMin: number,
  crc32c: Crc32c,
): Promise<FoundBatch | undefined> {
  const to = Math.min(range.to, file.sizeBytes);
  const claimed = await claimedEnd(file, range.bad);
  if (claimed === file.sizeBytes) return undefined;
  if (claimed < to) {
    const next = await confirmBatch(file, claimed, offsetMin, crc32c);
    if (next !== undefined) return next;
  }
  let falseHeads = 0;
  for (let position = range.bad + 1; position < to; position += chunkBytes) {
    const bytes = await file.read(position, chunkBytes + batchHeaderBytes - 1);
    const limit = Math.min(chunkBytes, to - position);
    let at = findBatchHead(bytes, { from: 0, to: limit }, offsetMin);
    while (at >= 0) {
      const found = await confirmBatch(file, position + at, offsetMin, crc32c);
      if (found !== undefined) return found;
      falseHeads += 1;
      if (falseHeads > falseHeadsMax) return nowhere(position + at, offsetMin);
      at = findBatchHead(bytes, { from: at + 1, to: limit }, offsetMin);
    }
  }
  return undefined;
}

/**
 * As findBatch, but the batch at `bad` may be sound itself: what lay before it is missing then, and
 * it goes on in the one behind it, or ends where the segment does. Where it contradicts the one
 * behind it the base offset of either may have rotted, which no sum covers.
 */
export async function findSoundBatch(
  file: DiskFile,
  range: { bad: number; to: number; endOffset: number },
  offsetMin: number,
  crc32c: Crc32c,
): Promise<FoundBatch | undefined> {
  const { bad, endOffset } = range;
  const there = await confirmBatch(file, bad, offsetMin, crc32c);
  if (there !== undefined && there.baseOffset > offsetMin) {
    const end = bad + there.sizeBytes;
    const behind = await confirmBatch(file, end, offsetMin, crc32c);
    const next = behind?.baseOffset ?? (end === file.sizeBytes ? endOffset : -1);
    if (next === there.endOffset) return there;
    if (behind !== undefined && next < there.endOffset) {
      return findUndoubted(file, { ...range, one: there, other: behind }, crc32c);
    }
  }
  const found = await findBatch(file, range, offsetMin, crc32c);
  if (found === undefined) return undefined;
  const end = found.position + found.sizeBytes;
  if (end === file.sizeBytes && endOffset >= 0 && found.endOffset > endOffset) {
    return nowhere(file.sizeBytes, endOffset);
  }
  const behind = await confirmBatch(file, end, offsetMin, crc32c);
  const isContradicted = behind !== undefined && behind.baseOffset < found.endOffset;
  if (!isContradicted) return found;
  return findUndoubted(file, { ...range, one: found, other: behind }, crc32c);
}

/**
 * Where the log goes on behind two batches of which one has the other's offsets. The other is
 * believed if it can have no others, as what follows leaves no room; else both are given up.
 */
async function findUndoubted(
  file: DiskFile,
  pair: { one: FoundBatch; other: FoundBatch; to: number; endOffset: number },
  crc32c: Crc32c,
): Promise<FoundBatch> {
  const { one, other, to, endOffset } = pair;
  const end = other.position + other.sizeBytes;
  const next = await confirmBatch(file, end, other.endOffset, crc32c);
  const nextOffset = next?.baseOffset ?? endOffset;
  // Where the last segment ends is known by its batches only.
  const hasRoom = nextOffset - one.endOffset >= other.endOffset - other.baseOffset;
  if (nextOffset < 0 || (!hasRoom && (next !== undefined || end === file.sizeBytes))) return other;
  if (next !== undefined) return next;
  const offsetMin = Math.min(one.endOffset, other.endOffset);
  const found = await findBatch(file, { bad: other.position, to }, offsetMin, crc32c);
  return found ?? nowhere(file.sizeBytes, endOffset);
}

/** Whether a good batch that goes on at or after `offsetMin` begins below `to`. */
export async function hasBatch(
  file: DiskFile,
  to: number,
  offsetMin: number,
  crc32c: Crc32c,
): Promise<boolean> {
  const first = await confirmBatch(file, 0, offsetMin, crc32c);
  return (first ?? (await findBatch(file, { bad: 0, to }, offsetMin, crc32c))) !== undefined;
}

/** Where a batch says that it ends; Infinity when that can not be. */
async function claimedEnd(file: DiskFile, position: number): Promise<number> {
  const head = await file.read(position, batchOverheadBytes);
  if (head.length < batchOverheadBytes) return Infinity;
  const sizeBytes = readInt32(head, batchFields.batchLength) + batchOverheadBytes;
  return sizeBytes < batchHeaderBytes ? Infinity : position + sizeBytes;
}

/** The whole, sound batch that begins at `position`, at or after `offsetMin`. */
export async function confirmBatch(
  file: DiskFile,
  position: number,
  offsetMin: number,
  crc32c: Crc32c,
): Promise<FoundBatch | undefined> {
  const head = new BatchWalk(await file.read(position, batchHeaderBytes), 0, offsetMin);
  const sight = head.look();
  if (sight === "bad" || sight === "end") return undefined;
  if (position + head.sizeBytes > file.sizeBytes) return undefined;
  const { sizeBytes: claimed } = head;
  if (claimed > largeBatchBytes) {
    const isIntact = await isStoredIntact(file, { position, sizeBytes: claimed }, crc32c);
    if (!isIntact) return undefined;
  }
  const whole = new BatchWalk(await file.read(position, claimed), 0, offsetMin);
  if (whole.look() !== "batch" || !whole.isIntact(crc32c)) return undefined;
  const { sizeBytes, baseOffset, lastOffset } = whole;
  return { position, sizeBytes, baseOffset, endOffset: lastOffset + 1 };
}

function nowhere(position: number, offset: number): FoundBatch {
  return { position, sizeBytes: 0, baseOffset: offset, endOffset: offset };
}
