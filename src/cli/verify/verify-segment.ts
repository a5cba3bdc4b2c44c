import type { BatchWalk } from "../../log/batch-walk.ts";
import type { DiskFile } from "../../broker/ports/disk.ts";
import {
  findSoundBatch,
  scanSegment,
  type ScanEnd,
  type ScanFrom,
} from "../../broker/partition/segment/scan-segment.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import type { IndexCheck } from "./verify-index.ts";

export interface SegmentBounds {
  readonly baseOffset: number;
  /** Where the next segment begins; undefined for the last one. */
  readonly nextOffset: number | undefined;
  /** All below this offset was flushed once. */
  readonly recoveryPoint: number;
  /** The last stop was a clean one: no tail can be torn. */
  readonly isClean: boolean;
}

/** Bytes of a segment that hold no good batch. Offsets in [firstOffset, endOffset) are gone. */
export interface BadBytes {
  readonly position: number;
  readonly endPosition: number;
  readonly firstOffset: number;
  readonly endOffset: number;
  readonly why: string;
  /** A crash may have torn it: the next start cuts it, and it was never flushed. */
  readonly isTorn: boolean;
}

export interface SegmentVisitor {
  readonly indexes: readonly IndexCheck[];
  readonly onBatch: (walk: BatchWalk, position: number) => void;
  readonly onBad: (bad: BadBytes) => void;
}

/** Checks every batch of a segment, past damage too; answers the offset after its last one. */
export async function scrubSegment(
  file: DiskFile,
  bounds: SegmentBounds,
  visitor: SegmentVisitor,
): Promise<number> {
  const { baseOffset, nextOffset } = bounds;
  let from: ScanFrom = {
    position: 0,
    offsetMin: baseOffset,
    isExact: true,
    sumsFromOffset: 0,
    endOffset: nextOffset ?? -1,
  };
  for (;;) {
    const end = await scanSegment(file, from, crc32c, (walk, position) => {
      for (const index of visitor.indexes) index.visit(walk, position);
      visitor.onBatch(walk, position);
    });
    if (end.damage === undefined) return end.offsetMin;
    const bad = await judge(file, end, bounds);
    for (const index of visitor.indexes) index.skip(bad.position, bad.endPosition);
    visitor.onBad(bad);
    if (bad.endPosition >= file.sizeBytes) return bad.endOffset;
    from = { ...from, position: bad.endPosition, offsetMin: bad.endOffset, isExact: false };
  }
}

/** Where the log goes on behind a bad batch, and what lies between. */
async function judge(file: DiskFile, end: ScanEnd, bounds: SegmentBounds): Promise<BadBytes> {
  const { position, offsetMin: firstOffset } = end;
  const { nextOffset, recoveryPoint, isClean } = bounds;
  const range = { bad: position, to: file.sizeBytes, endOffset: nextOffset ?? -1 };
  const found = await findSoundBatch(file, range, firstOffset, crc32c);
  const isLastByte = found === undefined && nextOffset === undefined;
  const knownEnd = nextOffset ?? recoveryPoint;
  return {
    position,
    endPosition: found?.position ?? file.sizeBytes,
    firstOffset,
    endOffset: found?.baseOffset ?? Math.max(firstOffset, knownEnd),
    why: end.damage ?? "",
    isTorn: isLastByte && !isClean && firstOffset >= recoveryPoint,
  };
}
