import type { Disk } from "../../ports/disk.ts";
import { copyFile } from "../copies/copy-file.ts";
import type { Segment } from "../segment/segment.ts";

/**
 * Puts a copy of the first `sizeBytes` of a closed segment in its place. A fork or a snapshot may
 * share the file, so it is not cut where it lies.
 */
export async function cutClosed(segment: Segment, disk: Disk): Promise<void> {
  const path = segment.path(".log");
  const temporary = `${path}.tmp`;
  await disk.remove(temporary);
  await copyFile({ disk, path, sizeBytes: segment.sizeBytes }, disk, temporary);
  segment.log.closeIfIdle();
  await disk.rename(temporary, path);
}
