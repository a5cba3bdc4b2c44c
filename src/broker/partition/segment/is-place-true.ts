import type { Crc32c } from "../../../base/crc32c.ts";
import type { IndexedPlace } from "../../../log/offset-index.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { confirmBatch } from "./scan-segment.ts";

/**
 * Whether a sound batch begins where an index says, and is the one that its entry names; -1: the
 * entry's offset is not known. No sum covers an index: one that has rotted leads into a batch.
 */
export async function isPlaceTrue(
  file: DiskFile,
  { position, entryOffset }: IndexedPlace,
  offsetMin: number,
  crc32c: Crc32c,
): Promise<boolean> {
  if (position === 0) return true;
  const there = await confirmBatch(file, position, offsetMin, crc32c);
  return there !== undefined && (entryOffset < 0 || there.endOffset === entryOffset + 1);
}
