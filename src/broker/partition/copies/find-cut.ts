import type { Crc32c } from "../../../base/crc32c.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { isPlaceTrue } from "../segment/is-place-true.ts";
import { findBatch } from "../segment/scan-segment.ts";
import type { Segment } from "../segment/segment.ts";

/** Where a segment is divided: whole batches of lower offsets lie before `position`. */
export interface SegmentCut {
  readonly position: number;
  /** The offset after the last batch before it. */
  readonly endOffset: number;
  /** The batch behind it begins with this offset; undefined: there is none. */
  readonly nextOffset: number | undefined;
}

/** One read of a search. */
const chunkBytes = 256 * 1024;

/** Divides a segment before the batch that holds `offset`, which lies above its base. */
export async function findCut(
  segment: Segment,
  offset: number,
  crc32c: Crc32c,
): Promise<SegmentCut> {
  const { baseOffset, sizeBytes } = segment;
  // The entry of a batch wholly below: what ends there is known once the walk has passed it.
  const place = await segment.findEntry(offset - 1);
  return await segment.log.use(async (file) => {
    const isTrue = await isPlaceTrue(file, place, baseOffset, crc32c);
    if (!isTrue) segment.doubtIndexes();
    const position = isTrue ? place.position : 0;
    return await walkTo(file, { position, offsetMin: baseOffset, sizeBytes, offset }, crc32c);
  });
}

interface WalkFrom {
  readonly position: number;
  readonly offsetMin: number;
  readonly sizeBytes: number;
  readonly offset: number;
}

async function walkTo(file: DiskFile, from: WalkFrom, crc32c: Crc32c): Promise<SegmentCut> {
  const { sizeBytes, offset } = from;
  let { position, offsetMin } = from;
  let wanted = chunkBytes;
  while (position < sizeBytes) {
    const bytes = await file.read(position, Math.min(wanted, sizeBytes - position));
    const walk = new BatchWalk(bytes, 0, offsetMin);
    let sight = walk.look();
    for (; sight === "batch" && walk.lastOffset < offset; sight = walk.look()) walk.advance();
    const start = position;
    position += walk.position;
    ({ offsetMin } = walk);
    if (sight === "batch") return { position, endOffset: offsetMin, nextOffset: walk.baseOffset };
    const isWhole = position + walk.sizeBytes <= sizeBytes && position + bytes.length > start;
    wanted = Math.max(chunkBytes, walk.sizeBytes + batchHeaderBytes);
    if (sight === "end" || (sight === "short" && isWhole)) continue;
    const range = { bad: position, to: sizeBytes };
    const found = await findBatch(file, range, offsetMin, crc32c);
    if (found === undefined || found.baseOffset >= offset) {
      // What is no batch any more holds no lower offset when they all lie before it.
      if (offsetMin < offset) position = found?.position ?? sizeBytes;
      return { position, endOffset: offsetMin, nextOffset: found?.baseOffset };
    }
    ({ position, baseOffset: offsetMin } = found);
  }
  return { position, endOffset: offsetMin, nextOffset: undefined };
}
