import { XylemError } from "../../../base/errors.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import type { Uuid } from "../../../base/uuid.ts";
import { formatPartitionMetadata } from "../../../log/partition-metadata.ts";
import type { PartitionContext } from "../partition-context.ts";
import { metadataFileName } from "../partition-folder.ts";
import { replaceFile } from "./replace-file.ts";

/**
 * Writes a folder's `partition.metadata` anew: it was absent, spoiled, or left empty by a full
 * disk. Not being able to is no reason to refuse the partition.
 */
export async function restoreMetadata(
  folder: string,
  topicId: Uuid,
  { disk, log }: PartitionContext,
): Promise<void> {
  const place = { directory: folder, name: metadataFileName };
  try {
    await replaceFile(disk, place, encodeUtf8(formatPartitionMetadata(topicId)));
    log.warn("wrote the topic's id to a folder that did not tell it", { folder });
  } catch (error) {
    if (!(error instanceof XylemError) || error.code !== "DISK_FULL") throw error;
    log.warn("no room to write the topic's id to its folder", { folder, why: error.message });
  }
}
