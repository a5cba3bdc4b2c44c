import { inParallel } from "../../../base/in-parallel.ts";
import type { Disk } from "../../ports/disk.ts";

/** Folders that are listed side by side. */
const parallelMax = 8;

/** Bytes of all files of a data directory: of those in it, and of those in its folders. */
export async function measureDirectory(disk: Disk): Promise<number> {
  const entries = await disk.list("");
  const folders = entries.filter(({ isDirectory }) => isDirectory);
  let sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  await inParallel(folders, parallelMax, async ({ name }) => {
    for (const entry of await disk.list(name)) sizeBytes += entry.sizeBytes;
  });
  return sizeBytes;
}
