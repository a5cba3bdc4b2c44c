import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { TruncationNote } from "../../../log/truncation-note.ts";
import type { DiskEntry } from "../../ports/disk.ts";
import type { TopicKey } from "../../ports/partition-storage.ts";
import type { PartitionContext } from "../partition-context.ts";
import { PartitionFolder } from "../partition-folder.ts";
import type { PartitionParts } from "../partition.ts";
import { type LoadedPartition, loadPartition } from "../recovery/load-partition.ts";
import { finishTruncation } from "../replica/finish-truncation.ts";
import type { ReplicaMemory } from "../replica/replica.ts";
import type { DirectoryCheckpoints } from "./directory-checkpoints.ts";

export interface FolderPlace {
  readonly name: string;
  readonly topic: TopicKey;
  readonly index: number;
  readonly settings: TopicSettings;
  /** What lies in it; undefined: it is not there. */
  readonly entries: readonly DiskEntry[] | undefined;
  readonly isClean: boolean;
  /** A chain says what is committed. */
  readonly isReplica: boolean;
}

/** Opens the files of a partition as the checkpoints of its data directory say. */
export async function loadFolder(
  place: FolderPlace,
  checkpoints: DirectoryCheckpoints,
  context: PartitionContext,
): Promise<PartitionParts> {
  const { name, topic, index, settings } = place;
  const { disk, log } = context;
  const store = (note: TruncationNote): Promise<void> => checkpoints.cut(name, note);
  const found = place.entries ?? [];
  const note = await finishTruncation({ disk, folder: name, log }, found, store);
  const entries = note === undefined ? found : await disk.list(name);
  const isThere = place.entries !== undefined;
  const folder = new PartitionFolder(disk, name, topic.id, isThere);
  const isClean = place.isClean && note === undefined;
  const missingUpTo = place.isReplica ? await noteMissing(name, entries, checkpoints) : 0;
  const { committed, ...told } = isThere ? toldOf(name, checkpoints) : nothingTold;
  const rules = {
    settings,
    isDense: topic.isDense === true && !checkpoints.mayHaveGaps(name),
    ...told,
    isClean,
    ...(place.isReplica && { committed }),
  };
  const loaded = await loadPartition(folder, entries, rules, context);
  // What was acknowledged before it was flushed may lie anywhere in the log; what was flushed may
  // have been committed since it was last told how much is.
  const flushed = Math.max(committed, told.recoveryPoint);
  const vouchedUpTo = settings.durability === "os" ? Infinity : flushed;
  const known = { committed, vouchedUpTo, missingUpTo };
  const replica = place.isReplica ? remember(known, loaded) : undefined;
  if (replica !== undefined && missingUpTo > 0) {
    log.error("the files of a replica are gone", { folder: name, upTo: missingUpTo });
  }
  // A crash may have left an epoch that was to begin with a record.
  if (place.isReplica && loaded.epochs.truncate(loaded.end)) folder.areEpochsDirty = true;
  return { ...loaded, isClean, topic: topic.name, index, folder, settings, replica };
}

/** A log, or one that is about to take the place of others. */
const logPattern = /^\d{20}\.log(\.swap)?$/;

const nothingTold = { committed: 0, recoveryPoint: 0, logStart: 0 };

function toldOf(name: string, checkpoints: DirectoryCheckpoints): typeof nothingTold {
  return {
    committed: checkpoints.find("committed", name),
    recoveryPoint: checkpoints.find("recoveryPoints", name),
    logStart: checkpoints.find("logStarts", name),
  };
}

/**
 * A replica whose log files are gone begins anew: were it to go on where it ended, others would
 * take that for the log start. Answers up to where it was flushed; 0: no file is missing.
 */
async function noteMissing(
  name: string,
  entries: readonly DiskEntry[],
  checkpoints: DirectoryCheckpoints,
): Promise<number> {
  if (entries.some(({ name: file }) => logPattern.test(file))) return 0;
  const { recoveryPoint, logStart } = toldOf(name, checkpoints);
  if (recoveryPoint > logStart) await checkpoints.noteMissing(name);
  return checkpoints.findMissing(name);
}

interface KnownBefore {
  readonly committed: number;
  readonly vouchedUpTo: number;
  /** All below is gone; 0: nothing that was known is. */
  readonly missingUpTo: number;
}

function remember(
  { committed, vouchedUpTo, missingUpTo }: KnownBefore,
  { segments, logStart, end, hasLostPages }: LoadedPartition,
): ReplicaMemory {
  const damages = segments.all.flatMap((segment) => segment.damages);
  const lost = damages
    .filter(({ firstOffset }) => firstOffset < vouchedUpTo)
    .map(({ firstOffset, endOffset }) => Math.max(firstOffset + 1, endOffset))
    .filter((upTo) => upTo > logStart);
  if (end < committed) lost.push(committed);
  return {
    committed: Math.max(logStart, Math.min(committed, end)),
    lostUpTo: Math.max(missingUpTo, ...lost),
    hasLostPages,
  };
}
