import type { Disk } from "../../ports/disk.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/** Neither Xylem nor Kafka looks at such a file; a repair leaves the old one under it too. */
const suffix = ".damaged";

/**
 * Gives the logs that hold `offset`, and those behind it, one more name: a truncation that shares
 * them leaves what they were for a person, should no other replica have what was damaged here.
 */
export async function setAside(
  { disk, folder }: { readonly disk: Disk; readonly folder: string },
  segments: SegmentList,
  offset: number,
): Promise<void> {
  const first = Math.max(segments.findIndex(offset), 0);
  for (const { log, sizeBytes } of segments.all.slice(first)) {
    if (sizeBytes === 0) continue;
    await disk.remove(log.path + suffix);
    await disk.link(log.path, log.path + suffix);
  }
  await disk.syncDirectory(folder);
}

/** The chain has filled the log again: nobody misses what was set aside. */
export async function removeAside(disk: Disk, folder: string): Promise<void> {
  const entries = await disk.list(folder);
  for (const { name } of entries) {
    if (name.endsWith(`.log${suffix}`)) await disk.remove(`${folder}/${name}`);
  }
}
