import { equalBytes } from "../../../base/bytes.ts";
import { MalformedError } from "../../../base/errors.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import { isZeroUuid, type Uuid, zeroUuid } from "../../../base/uuid.ts";
import { parsePartitionMetadata } from "../../../log/partition-metadata.ts";
import type { ReplicaKey } from "../../ports/partition-storage.ts";
import type { PartitionContext } from "../partition-context.ts";
import { metadataFileName } from "../partition-folder.ts";
import { type FolderFate, formatAbandonedName } from "../partition-name.ts";
import { restoreMetadata } from "./restore-metadata.ts";
import { isOfTopic } from "./whose-folder.ts";

/** The folders of a data directory whose partitions are not open, and whose they are. */
export class TopicFolders {
  readonly #names: Set<string>;
  readonly #context: PartitionContext;

  constructor(names: Set<string>, context: PartitionContext) {
    this.#names = names;
    this.#context = context;
  }

  names(): Iterable<string> {
    return this.#names;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(name: string): void {
    this.#names.add(name);
  }

  delete(name: string): void {
    this.#names.delete(name);
  }

  /**
   * Whether the folder is this topic's; one that does not say is, unless the topic can have none
   * yet, and says so from here on.
   */
  async isOf(name: string, { id, isNew = false }: ReplicaKey): Promise<boolean> {
    const stored = await this.readTopicId(name);
    if (isZeroUuid(id) || (stored !== undefined && equalBytes(stored, id))) return true;
    const bytes = await this.#context.disk.readFile(`${name}/${metadataFileName}`);
    const isItsOwn = isOfTopic(bytes, id) ?? !isNew;
    if (isItsOwn) await restoreMetadata(name, id, this.#context);
    return isItsOwn;
  }

  /** As of PartitionStorage. */
  async readTopicId(folder: string, likely?: Uuid): Promise<Uuid | undefined> {
    const { disk, log } = this.#context;
    const bytes = await disk.readFile(`${folder}/${metadataFileName}`);
    if (bytes === undefined) return undefined;
    if (likely !== undefined && isOfTopic(bytes, likely) === true) return likely;
    try {
      const id = parsePartitionMetadata(decodeUtf8(bytes));
      return equalBytes(id, zeroUuid) ? undefined : id;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      log.warn("unreadable partition.metadata", { folder, why: error.message });
      return undefined;
    }
  }

  /** Out of the way of another topic of the same name, for a person to look at. */
  async putAside(name: string): Promise<void> {
    const renamed = await this.abandon(name, "stray");
    this.#context.log.warn("a folder of another topic with this name was put aside", {
      folder: name,
      renamed,
    });
  }

  /**
   * Gives a folder up to be removed under the name that this answers; undefined: there is none.
   * While that fails it counts as there: another topic of the name must not take it for its own.
   */
  async remove(name: string): Promise<string | undefined> {
    this.#names.add(name);
    const entries = await this.#context.disk.list(name);
    if (entries.length > 0) return await this.abandon(name, "delete");
    // One without files is none to this listing: the next start would take it for a topic's.
    await this.#context.disk.removeDirectory(name);
    this.#names.delete(name);
    return undefined;
  }

  /** Answers the name that the folder has from here on. */
  async abandon(name: string, fate: FolderFate): Promise<string> {
    const { disk, random } = this.#context;
    const renamed = formatAbandonedName(name, fate, random);
    await disk.rename(name, renamed);
    this.#names.delete(name);
    await disk.syncDirectory("");
    return renamed;
  }
}
