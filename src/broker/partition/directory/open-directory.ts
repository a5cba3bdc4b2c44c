import type { MetaProperties } from "../../../log/meta-properties.ts";
import type { FactsByTopic } from "../../../log/partition-facts.ts";
import { metadataTopic } from "../../topics/topic-name.ts";
import { isDeletedName, parsePartitionName } from "../partition-name.ts";
import { cleanMarkerName, isOwnStop } from "./clean-marker.ts";
import { DirectoryCheckpoints } from "./directory-checkpoints.ts";
import { openMeta } from "./directory-meta.ts";
import { takeFacts } from "./facts-file.ts";
import type { LogDirectoryOptions } from "./log-directory.ts";

/** What a start finds in a data directory. */
export interface FoundDirectory {
  readonly meta: MetaProperties;
  readonly wasClean: boolean;
  readonly checkpoints: DirectoryCheckpoints;
  readonly folders: Set<string>;
  /** Partitions that the last stop does not vouch for. */
  readonly unchecked: Set<string>;
  readonly facts: FactsByTopic;
}

/** Of the last process nothing is under way any more afterwards, and its marker is gone. */
export async function openDirectory(options: LogDirectoryOptions): Promise<FoundDirectory> {
  const { disk, settings, random, log } = options;
  const expected = { nodeId: settings["node.id"], clusterId: settings["cluster.id"] };
  const meta = await openMeta(disk, expected, random);
  const entries = await disk.list("");
  const wasClean = entries.some(({ name }) => name === cleanMarkerName);
  const checkpoints = await DirectoryCheckpoints.open(disk, log);
  const folders = new Set(entries.flatMap((entry) => (entry.isDirectory ? [entry.name] : [])));
  for (const name of folders) {
    if (!isDeletedName(name)) continue;
    folders.delete(name);
    await disk.removeDirectory(name);
  }
  checkpoints.keepOnly(folders);
  await checkpoints.storeAll();
  const facts = await takeFacts(options, await isOwnStop(disk));
  if (wasClean) await disk.remove(cleanMarkerName);
  // A killed process may not have come to it: what is found, folders above all, is to stay.
  await disk.syncDirectory("");
  const unchecked = new Set(wasClean ? [] : [...folders].filter(isPartition));
  return { meta, wasClean, checkpoints, folders, unchecked, facts };
}

/** KRaft's own log is never opened. */
function isPartition(folder: string): boolean {
  const parsed = parsePartitionName(folder);
  return parsed !== undefined && parsed.topic !== metadataTopic;
}
