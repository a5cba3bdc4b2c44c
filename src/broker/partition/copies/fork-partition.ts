import { assert } from "../../../base/assert.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { Random } from "../../../base/random.ts";
import type { Uuid } from "../../../base/uuid.ts";
import type { Disk } from "../../ports/disk.ts";
import type { CutOf } from "../../ports/partition-storage.ts";
import { type CopiedPartition, copyPartition, type CopyTarget } from "./copy-partition.ts";
import { formatAbandonedName } from "../partition-name.ts";
import type { Partition } from "../partition.ts";

/** An active segment with more than this is closed first, so that it can be shared. */
export const copiedBytesMax = 16 * 1024 * 1024;
/** Retention may remove segments while they are copied: it starts again, so often at most. */
const triesMax = 5;

/** Closes an active segment that is too large to be copied; all in it is committed then. */
export async function closeLarge(partition: Partition): Promise<void> {
  const { segments } = partition.copySource(0);
  if ((segments.last?.sizeBytes ?? 0) <= copiedBytesMax) return;
  await partition.roll();
  await new Promise<void>((resolve, reject) => {
    partition.whenCommitted(segments.active.baseOffset, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

/** As copyPartition; with the log start of the moment when retention was faster. */
export async function copyInTries(
  partition: Partition,
  end: number,
  target: CopyTarget,
): Promise<CopiedPartition> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await copyPartition(partition.copySource(end), target);
    } catch (error) {
      await target.disk.removeDirectory(target.folder);
      const isRemoved = error instanceof XylemError && error.code === "OFFSET_OUT_OF_RANGE";
      if (!isRemoved || tries === triesMax) throw error;
    }
  }
}

export interface ForkParts {
  readonly disk: Disk;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Makes the folder `name` from an open partition. It is made under a name that the next start
 * removes, and gets its own once it is whole and durable. Undefined: there was nothing to take.
 */
export async function forkPartition(
  partition: Partition,
  target: { readonly name: string; readonly topicId: Uuid; readonly cutOf: CutOf },
  { disk, random, log }: ForkParts,
): Promise<CopiedPartition | undefined> {
  await closeLarge(partition);
  const end = await target.cutOf(partition);
  assert(end <= partition.committed, `a fork at ${end}, above ${partition.committed}`);
  if (end === 0) return undefined;
  const folder = formatAbandonedName(target.name, "delete", random);
  const copied = await copyInTries(partition, end, { disk, folder, topicId: target.topicId });
  await disk.rename(folder, target.name);
  await disk.syncDirectory("");
  log.info("forked a partition", { partition: target.name, ...copied });
  return copied;
}
