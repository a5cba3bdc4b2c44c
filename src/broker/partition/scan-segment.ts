import { readInt32 } from "../../base/bytes.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import { BatchWalk, findBatchHead } from "../../log/batch-walk.ts";
import { batchFields, batchHeaderBytes, batchOverheadBytes } from "../../protocol/record-batch.ts";
import type { DiskFile } from "../ports/disk.ts";

/** One read of a scan. */
const chunkBytes = 1024 * 1024;
/** Heads that look right and are none: past so many the bytes are hostile, and count as batches. */
const falseHeadsMax = 10_000;

export interface ScanFrom {
  readonly position: number;
  /** The least offset the batch there may begin with. */
  readonly offsetMin: number;
  /** Whether the batch there is known to begin with `offsetMin`, short of a gap. */
  readonly isExact: boolean;
  /** Sums of batches that end at this offset or later are checked. */
  readonly sumsFromOffset: number;
  /** Where the segment ends; -1: at its last batch, before which there is no gap. */
  readonly endOffset: number;
}

export interface ScanEnd {
  /** Where the first bytes lie that are no good batch, or the end of the file. */
  readonly position: number;
  readonly offsetMin: number;
  /** Why it is no batch; undefined at the end of the file. */
  readonly damage: string | undefined;
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
  while (position < file.sizeBytes) {
    const bytes = await file.read(position, wanted);
    const isCut = bytes.length < Math.min(wanted, file.sizeBytes - position);
    const walk = new BatchWalk(bytes, 0, offsetMin);
    const isLast = position + bytes.length === file.sizeBytes;
    const rules = { position, isExact, endOffset: isLast ? from.endOffset : undefined };
    const place = { ...rules, sumsFromOffset: from.sumsFromOffset };
    const damage = visitChunk(walk, place, { crc32c, visit });
    if (walk.position > 0) isExact = true;
    offsetMin = walk.offsetMin;
    position += walk.position;
    if (damage !== undefined) return { position, offsetMin, damage };
    if (isCut) return { position, offsetMin, damage: "the file was cut while it was in use" };
    wanted = Math.max(chunkBytes, walk.sizeBytes + batchHeaderBytes);
    if (walk.position === bytes.length) continue;
    if (position + walk.sizeBytes > file.sizeBytes) {
      return { position, offsetMin, damage: "the batch is cut short" };
    }
  }
  return { position, offsetMin, damage: undefined };
}

interface ChunkRules {
  readonly position: number;
  readonly isExact: boolean;
  readonly sumsFromOffset: number;
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
      const fits = walk.fits(rules.endOffset);
      if (fits === undefined) return undefined;
      if (!fits) return "its offsets do not go on from the batch before";
    }
    how.visit(walk, rules.position + walk.position);
    walk.advance();
  }
  return undefined;
}

/** A good batch that was found by searching. */
export interface FoundBatch {
  readonly position: number;
  readonly baseOffset: number;
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
      if (falseHeads > falseHeadsMax) return { position: position + at, baseOffset: offsetMin };
      at = findBatchHead(bytes, { from: at + 1, to: limit }, offsetMin);
    }
  }
  return undefined;
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

async function confirmBatch(
  file: DiskFile,
  position: number,
  offsetMin: number,
  crc32c: Crc32c,
): Promise<FoundBatch | undefined> {
  const head = new BatchWalk(await file.read(position, batchHeaderBytes), 0, offsetMin);
  const sight = head.look();
  if (sight === "bad" || sight === "end") return undefined;
  if (position + head.sizeBytes > file.sizeBytes) return undefined;
  const whole = new BatchWalk(await file.read(position, head.sizeBytes), 0, offsetMin);
  if (whole.look() !== "batch" || !whole.isIntact(crc32c)) return undefined;
  return { position, baseOffset: whole.baseOffset };
}
