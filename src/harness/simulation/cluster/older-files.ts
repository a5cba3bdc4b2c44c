import { equalBytes } from "../../../base/bytes.ts";
import { MalformedError } from "../../../base/errors.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import { type OffsetsByPartition, parseOffsetCheckpoint } from "../../../log/text-checkpoint.ts";
import type { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const recoveryPointsPath = "recovery-point-offset-checkpoint";

/** Of a folder, what says whose it is. */
export const metadataPattern = /[/]partition\.metadata$/;

/** Files by path, as they were a while ago. */
type Copies = ReadonlyMap<string, Uint8Array>;

/** Whether a topic that is there now has a partition of this folder's name. */
type IsOfTopic = (folder: string) => boolean;

/**
 * Whether checkpoints may not be as old as their copies. What they said of a deleted topic is gone
 * from all of them, and flushed, before there is one of its name; and what they said of a log that
 * was truncated, or given up, before a record takes the place of one that was cut.
 */
export function areOvertaken(copies: Copies, disk: SimulatedDisk, isOfTopic: IsOfTopic): boolean {
  return hasReusedName(copies, disk) || wasCut(copies, disk, isOfTopic);
}

/** Whether a folder is of another topic than it was. */
function hasReusedName(copies: Copies, disk: SimulatedDisk): boolean {
  const there = disk.paths().filter((path) => metadataPattern.test(path));
  return there.some((path) => {
    const before = copies.get(path);
    return before !== undefined && isOfAnother(path, before, disk);
  });
}

/**
 * Whether a copy is of a former topic's folder, which was removed with all that was in it: what
 * says whose a folder is, is written once.
 */
export function isOfAnother(path: string, copy: Uint8Array, disk: SimulatedDisk): boolean {
  return metadataPattern.test(path) && !equalBytes(copy, disk.peek(path));
}

/**
 * Whether less of a log that is there, or that a topic has, counts as flushed now: nothing else
 * lowers that. A log that was made anew has no folder until its first record.
 */
function wasCut(copies: Copies, disk: SimulatedDisk, isOfTopic: IsOfTopic): boolean {
  const paths = disk.paths();
  const now = paths.includes(recoveryPointsPath) ? disk.peek(recoveryPointsPath) : undefined;
  const flushed = pointsOf(now);
  const isThere = (folder: string): boolean =>
    isOfTopic(folder) || paths.some((path) => path.startsWith(`${folder}/`));
  const before = [...pointsOf(copies.get(recoveryPointsPath))];
  return before.some(([folder, offset]) => offset > (flushed.get(folder) ?? 0) && isThere(folder));
}

/** One that can not be read says nothing. */
function pointsOf(bytes: Uint8Array | undefined): OffsetsByPartition {
  try {
    return parseOffsetCheckpoint(decodeUtf8(bytes ?? new Uint8Array(0)));
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return new Map();
  }
}
