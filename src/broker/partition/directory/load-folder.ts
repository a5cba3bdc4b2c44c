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
  const committed = isThere ? checkpoints.find("committed", name) : 0;
  const rules = {
    settings,
    isDense: topic.isDense === true,
    recoveryPoint: isThere ? checkpoints.find("recoveryPoints", name) : 0,
    logStart: isThere ? checkpoints.find("logStarts", name) : 0,
    isClean,
    ...(place.isReplica && { committed }),
  };
  const loaded = await loadPartition(folder, entries, rules, context);
  // What was acknowledged before it was flushed may lie anywhere in the log.
  const vouchedUpTo = settings.durability === "os" ? Infinity : committed;
  const replica = place.isReplica ? remember(committed, vouchedUpTo, loaded) : undefined;
  // A crash may have left an epoch that was to begin with a record.
  if (place.isReplica && loaded.epochs.truncate(loaded.end)) folder.areEpochsDirty = true;
  return { ...loaded, isClean, topic: topic.name, index, folder, settings, replica };
}

function remember(
  committed: number,
  vouchedUpTo: number,
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
    lostUpTo: Math.max(0, ...lost),
    hasLostPages,
  };
}
