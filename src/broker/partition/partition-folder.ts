import { encodeUtf8 } from "../../base/text.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { LeaderEpochs } from "../../log/leader-epochs.ts";
import { formatPartitionMetadata } from "../../log/partition-metadata.ts";
import { formatSegmentName } from "../../log/segment-name.ts";
import type { Disk } from "../ports/disk.ts";
import { replaceFile } from "./directory/replace-file.ts";

export const epochsFileName = "leader-epoch-checkpoint";
export const metadataFileName = "partition.metadata";

/**
 * The folder of one partition. It comes with the first append, so that empty partitions cost
 * nothing and Kafka accepts the data directory.
 */
export class PartitionFolder {
  readonly path: string;
  readonly #disk: Disk;
  readonly #topicId: Uuid;
  #exists: boolean;
  #isParentDirty = false;
  /** Settles when the writes of epochs so far have ended, well or not. */
  #epochsWritten: Promise<void> = Promise.resolve();
  /** A file was made in it since it was last synced. */
  isDirty = false;
  /** The leader epochs differ from their checkpoint. */
  areEpochsDirty = false;
  /** There are snapshots that a later one must supersede. */
  hasSnapshots = false;

  constructor(disk: Disk, path: string, topicId: Uuid, exists: boolean) {
    this.#disk = disk;
    this.path = path;
    this.#topicId = topicId;
    this.#exists = exists;
  }

  /** Something in it is not on the disk as it should be. */
  get hasNews(): boolean {
    return this.isDirty || this.areEpochsDirty;
  }

  get exists(): boolean {
    return this.#exists;
  }

  /** Makes the folder with its topic's id unless it is there. */
  async make(): Promise<void> {
    if (this.#exists) return;
    await this.#disk.makeDirectory(this.path);
    this.#isParentDirty = true;
    const file = await this.#disk.open(`${this.path}/${metadataFileName}`, { create: true });
    try {
      if (file.sizeBytes > 0) await file.truncate(0);
      await file.append([encodeUtf8(formatPartitionMetadata(this.#topicId))]);
      await file.sync();
    } finally {
      await file.close();
    }
    this.isDirty = true;
    this.#exists = true;
  }

  /** Makes the entries of new files durable, and the folder's own. */
  async sync(): Promise<void> {
    const syncs: Promise<void>[] = [];
    if (this.isDirty) syncs.push(this.#disk.syncDirectory(this.path));
    if (this.#isParentDirty) syncs.push(this.#disk.syncDirectory(""));
    if (syncs.length === 0) return;
    this.isDirty = false;
    this.#isParentDirty = false;
    await Promise.all(syncs);
  }

  /** The state of the producers just before `offset`. */
  async writeSnapshot(offset: number, bytes: Uint8Array): Promise<void> {
    const name = formatSegmentName(offset, ".snapshot");
    await replaceFile(this.#disk, { directory: this.path, name }, bytes);
    this.hasSnapshots = true;
  }

  /** Whoever comes while another one writes is next: both write by way of one temporary file. */
  async writeEpochs(epochs: LeaderEpochs): Promise<void> {
    const place = { directory: this.path, name: epochsFileName };
    const bytes = encodeUtf8(epochs.format());
    this.areEpochsDirty = false;
    const written = this.#epochsWritten.then(() => replaceFile(this.#disk, place, bytes));
    this.#epochsWritten = written.catch(() => undefined);
    try {
      await written;
    } catch (error) {
      this.areEpochsDirty = true;
      throw error;
    }
  }
}
