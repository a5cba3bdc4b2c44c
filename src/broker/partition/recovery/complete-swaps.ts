import { parseSegmentName } from "../../../log/segment-name.ts";
import type { DiskEntry } from "../../ports/disk.ts";
import type { PartitionContext } from "../partition-context.ts";
import { scanSegment } from "../segment/scan-segment.ts";

const swapSuffix = ".swap";
const cleanedSuffix = ".cleaned";

/**
 * Finishes a replacement of segments that a stopped process left half done (records.md, Files
 * outside a segment's life): complete `.swap` files take the place of the segments they were made
 * from, which may be gone already. A `.cleaned` file says that not all were complete: then nothing
 * was replaced yet, and the copies from it on go. Answers whether anything was changed.
 */
export async function completeSwaps(
  folder: string,
  entries: readonly DiskEntry[],
  context: PartitionContext,
): Promise<boolean> {
  const { disk, log } = context;
  const swaps = entries.filter(({ name }) => baseOf(name, swapSuffix) >= 0);
  if (swaps.length === 0) return false;
  // A killed process may not have come to it: the copies are not to go with what they replace.
  await disk.syncDirectory(folder);
  const cleaned = entries
    .map(({ name }) => baseOf(name, cleanedSuffix))
    .filter((base) => base >= 0);
  const lowestCleaned = Math.min(...cleaned);
  const complete: DiskEntry[] = [];
  for (const swap of swaps) {
    if (baseOf(swap.name, swapSuffix) < lowestCleaned) complete.push(swap);
    else await disk.remove(`${folder}/${swap.name}`);
  }
  const range = await rangeOf(folder, complete, context);
  for (const { name } of entries) {
    const base = parseSegmentName(name)?.baseOffset ?? -1;
    if (base >= range.from && base < range.to) await disk.remove(`${folder}/${name}`);
  }
  // A power cut may keep a renaming and lose a removal before it: both logs would be there.
  await disk.syncDirectory(folder);
  for (const { name } of complete) {
    await disk.rename(`${folder}/${name}`, `${folder}/${name.slice(0, -swapSuffix.length)}`);
  }
  await disk.syncDirectory(folder);
  log.warn("finished a replacement of segments that was interrupted", { folder, ...range });
  return true;
}

/** Base offset of a segment's file that carries `suffix` behind its name; -1 for others. */
function baseOf(name: string, suffix: string): number {
  if (!name.endsWith(suffix)) return -1;
  return parseSegmentName(name.slice(0, -suffix.length))?.baseOffset ?? -1;
}

/** From the lowest base of the new segments to the offset after their last. */
async function rangeOf(
  folder: string,
  swaps: readonly DiskEntry[],
  context: PartitionContext,
): Promise<{ from: number; to: number }> {
  let from = Infinity;
  let to = -1;
  for (const { name } of swaps) {
    if (!name.endsWith(`.log${swapSuffix}`)) continue;
    const base = baseOf(name, swapSuffix);
    from = Math.min(from, base);
    const file = await context.disk.open(`${folder}/${name}`, { create: false });
    try {
      const start = { position: 0, offsetMin: base, isExact: false };
      const rules = { ...start, sumsFromOffset: Infinity, endOffset: Infinity };
      const { offsetMin } = await scanSegment(file, rules, context.crc32c, () => undefined);
      // An empty one replaces at least the segment of its own name.
      to = Math.max(to, offsetMin, base + 1);
    } finally {
      await file.close();
    }
  }
  return { from, to };
}
