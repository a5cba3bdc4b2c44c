import { formatSegmentName, parseSegmentName } from "../../../log/segment-name.ts";
import type { PartitionContext } from "../partition-context.ts";
import { removeLater } from "../remove-later.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";

const cleanedSuffix = ".cleaned";
const swapSuffix = ".swap";
const fileSuffixes = [".log", ".index", ".timeindex", ".txnindex"] as const;

export interface Replacement {
  readonly context: PartitionContext;
  readonly folder: string;
  readonly segments: SegmentList;
  /** Closed neighbours in the list. */
  readonly sources: readonly Segment[];
  /** What stands for them, under the first one's base. */
  readonly segment: Segment;
  readonly deleteDelayMs: number;
}

/**
 * Puts the `.cleaned` files that lie beside the sources in their place, so that a crash leaves the
 * old segments or the new one (records.md, Replacing segments; `completeSwaps` finishes it).
 * Appends go on; who reads the sources is waited for, who comes meanwhile waits. Rejects with
 * the old segments in place, or, when `hasBegun`, with files between two names: the partition must
 * stop, and the next start goes on.
 */
export async function replaceSegments(
  replacement: Replacement,
  progress: { hasBegun: boolean },
): Promise<void> {
  const { context, folder, segments, sources, segment } = replacement;
  const names = (await context.disk.list(folder)).map(({ name }) => name);
  const made = names.filter((name) => isMade(name, segment.baseOffset));
  await rename(replacement, made, (name) => swapName(name));
  const gate = Promise.withResolvers<void>();
  // Who waits is told; nobody may.
  gate.promise.catch(() => undefined);
  progress.hasBegun = true;
  try {
    await Promise.all(sources.map((source) => source.supersede(gate.promise)));
    const old = oldNames(names, sources);
    await rename(replacement, old, (name) => `${name}.deleted`);
    const swaps = made.map((name) => swapName(name));
    await rename(replacement, swaps, (name) => name.slice(0, -swapSuffix.length));
    segments.replace(sources, segment);
    const removed = old.map((name) => `${folder}/${name}.deleted`);
    removeLater(removed, replacement.deleteDelayMs, context);
    gate.resolve();
  } catch (error) {
    gate.reject(error);
    throw error;
  }
}

/** Removes what a pass that ended early left of a segment; nothing else has these names. */
export async function discardCleaned(
  context: PartitionContext,
  folder: string,
  baseOffset: number,
): Promise<void> {
  for (const { name } of await context.disk.list(folder)) {
    const isSwap = name.endsWith(swapSuffix) && isMade(cleanedName(name), baseOffset);
    if (isSwap || isMade(name, baseOffset)) await context.disk.remove(`${folder}/${name}`);
  }
  await context.disk.syncDirectory(folder);
}

/** Durable before the next step: a power cut may keep a later renaming and lose an earlier one. */
async function rename(
  { context, folder }: Replacement,
  names: readonly string[],
  to: (name: string) => string,
): Promise<void> {
  const { disk } = context;
  await disk.syncDirectory(folder);
  for (const name of names) await disk.rename(`${folder}/${name}`, `${folder}/${to(name)}`);
  await disk.syncDirectory(folder);
}

const swapName = (name: string): string => name.slice(0, -cleanedSuffix.length) + swapSuffix;
const cleanedName = (name: string): string => name.slice(0, -swapSuffix.length) + cleanedSuffix;

function isMade(name: string, baseOffset: number): boolean {
  if (!name.endsWith(cleanedSuffix)) return false;
  return parseSegmentName(name.slice(0, -cleanedSuffix.length))?.baseOffset === baseOffset;
}

/** The sources' files; a snapshot goes with a base that is no segment's any more. */
function oldNames(present: readonly string[], sources: readonly Segment[]): string[] {
  const old = sources.flatMap(({ baseOffset }, index) => {
    const names = fileSuffixes.map((suffix) => formatSegmentName(baseOffset, suffix));
    return index === 0 ? names : [...names, formatSegmentName(baseOffset, ".snapshot")];
  });
  return old.filter((name) => present.includes(name));
}
