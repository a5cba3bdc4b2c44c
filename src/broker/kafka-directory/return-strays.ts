import { MalformedError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { decodeUtf8 } from "../../base/text.ts";
import { formatUuid } from "../../base/uuid.ts";
import { parsePartitionMetadata } from "../../log/partition-metadata.ts";
import { metadataFileName } from "../partition/partition-folder.ts";
import { formatPartitionName } from "../partition/partition-name.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { Disk } from "../ports/disk.ts";
import { metadataTopic } from "../topics/topic-name.ts";
import { parseTopicEntry, topicsPrefix } from "../topics/topic-entry.ts";

interface Parts {
  readonly disk: Disk;
  readonly coordinator: Coordinator;
  readonly log: Log;
}

/** The topic's part of the name may be cut short. */
const strayPattern = /-(\d{1,10})\.[0-9a-f]{32}-stray$/;

/**
 * Kafka puts the folders of topics aside that its metadata does not know: those made here since it
 * ran last. They get their names back, before the log directory is opened.
 */
export async function returnStrays(parts: Parts): Promise<void> {
  const { disk, log } = parts;
  const isKafkas = (await disk.list(`${metadataTopic}-0`)).length > 0;
  if (!isKafkas) return;
  const names = (await disk.list("")).map(({ name }) => name);
  const strays = names.filter((name) => strayPattern.test(name));
  if (strays.length === 0) return;
  const topics = await topicsById(parts.coordinator);
  const present = new Set(names);
  for (const stray of strays) {
    const topic = topics.get((await readTopicId(disk, stray)) ?? "");
    const index = Number(strayPattern.exec(stray)?.[1]);
    if (topic === undefined || index >= topic.partitions) continue;
    const folder = formatPartitionName(topic.name, index);
    if (present.has(folder)) continue;
    await disk.rename(stray, folder);
    present.add(folder);
    log.info("took back a folder that Kafka had put aside", { folder, renamed: stray });
  }
  await disk.syncDirectory("");
}

async function topicsById(
  coordinator: Coordinator,
): Promise<ReadonlyMap<string, { readonly name: string; readonly partitions: number }>> {
  const { entries } = await coordinator.read(topicsPrefix);
  return new Map(
    entries.map(({ key, value }) => {
      const name = key.slice(topicsPrefix.length);
      const { id, partitions } = parseTopicEntry(name, value);
      return [formatUuid(id), { name, partitions }];
    }),
  );
}

/** Undefined: the folder does not say whose it is, and stays where it is. */
async function readTopicId(disk: Disk, folder: string): Promise<string | undefined> {
  const bytes = await disk.readFile(`${folder}/${metadataFileName}`);
  if (bytes === undefined) return undefined;
  try {
    return formatUuid(parsePartitionMetadata(decodeUtf8(bytes)));
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return undefined;
  }
}
