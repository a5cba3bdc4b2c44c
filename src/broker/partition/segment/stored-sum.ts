import { readInt32 } from "../../../base/bytes.ts";
import type { Crc32c } from "../../../base/crc32c.ts";
import { batchFields, batchHeaderBytes, currentMagic } from "../../../protocol/record-batch.ts";
import type { DiskFile } from "../../ports/disk.ts";

/** A batch that says it is larger is summed piece by piece before it is held in memory whole. */
export const largeBatchBytes = 8 * 1024 * 1024;
const pieceBytes = 1024 * 1024;

/**
 * Whether the sum of a stored batch holds: a length that lost a bit would else take as much memory
 * as it says. Old formats are not looked at.
 */
export async function isStoredIntact(
  file: DiskFile,
  place: { readonly position: number; readonly sizeBytes: number },
  crc32c: Crc32c,
): Promise<boolean> {
  const { position, sizeBytes } = place;
  const head = await file.read(position, batchHeaderBytes);
  if (head.length < batchHeaderBytes) return false;
  if (head[batchFields.magic] !== currentMagic) return true;
  const end = position + sizeBytes;
  let sum = 0;
  for (let at = position + batchFields.attributes; at < end; at += pieceBytes) {
    sum = crc32c(await file.read(at, Math.min(pieceBytes, end - at)), sum);
  }
  return sum === readInt32(head, batchFields.crc) >>> 0;
}
