import { XylemError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import { parseSegmentName } from "../../log/segment-name.ts";
import { readClusterNote } from "../cluster/membership/cluster-note.ts";
import { copyFile } from "../partition/copies/copy-file.ts";
import { markUnfinished, readMeta, storeMeta } from "../partition/directory/directory-meta.ts";
import { cleanMarkerName } from "../partition/directory/clean-marker.ts";
import { isAbandonedName } from "../partition/partition-name.ts";
import type { Disk, DiskEntry } from "../ports/disk.ts";

export interface DirectoryCopy {
  readonly source: Disk;
  /** Empty. */
  readonly target: Disk;
  /** Set: the copy belongs to a cluster of its own. */
  readonly renewedBy?: Random | undefined;
}

export interface DirectoryCopyReport {
  readonly folders: number;
  readonly linkedFiles: number;
  readonly copiedBytes: number;
  /** The source was stopped in order; otherwise the copy recovers at its first start. */
  readonly isClean: boolean;
}

/** What belongs to a process or to work that was cut short. */
const leftOut = /^xylem(\.sock|-reserve$)|\.(deleted|cleaned|tmp)$/;
const sharedSuffixes: ReadonlySet<string> = new Set([".log", ".index", ".timeindex", ".snapshot"]);

/**
 * Copies a data directory that no node uses, such as a snapshot. Closed segments are shared; all
 * that the next start may change is the copy's own. A copy that is cut short can not be started.
 * Throws KAFKA_STORAGE_ERROR where there is no data directory, INVALID_REQUEST if it is one of a
 * cluster's.
 */
export async function copyDirectory(copy: DirectoryCopy): Promise<DirectoryCopyReport> {
  const { source, target, renewedBy } = copy;
  const meta = await readMeta(source);
  if (meta === undefined) {
    throw new XylemError("KAFKA_STORAGE_ERROR", "it is no data directory: no meta.properties");
  }
  if ((await readClusterNote(source)) !== undefined) throw clustered();
  await markUnfinished(target);
  const copying = new Copying(source, target);
  const entries = await source.list("");
  for (const entry of entries) {
    const isMeta = entry.name === "meta.properties" || entry.name === cleanMarkerName;
    if (!isMeta && !leftOut.test(entry.name)) await copying.copyEntry(entry);
  }
  const isClean = entries.some(({ name }) => name === cleanMarkerName);
  if (isClean) await copying.copy(cleanMarkerName);
  await target.syncDirectory("");
  const renew = (random: Random): string => formatUuid(makeUuid(random));
  const own =
    renewedBy === undefined ? {} : { clusterId: renew(renewedBy), directoryId: renew(renewedBy) };
  await storeMeta(target, { ...meta, ...own });
  const { folders, linkedFiles, copiedBytes } = copying;
  return { folders, linkedFiles, copiedBytes, isClean };
}

/** What a node of a cluster holds are parts; of the whole no single moment is known. */
export function clustered(): XylemError {
  return new XylemError("INVALID_REQUEST", "A snapshot is of a node that is in no cluster");
}

class Copying {
  readonly #source: Disk;
  readonly #target: Disk;
  folders = 0;
  linkedFiles = 0;
  copiedBytes = 0;

  constructor(source: Disk, target: Disk) {
    this.#source = source;
    this.#target = target;
  }

  async copyEntry({ name, isDirectory }: DiskEntry): Promise<void> {
    if (!isDirectory) await this.copy(name);
    else if (!isAbandonedName(name)) await this.#copyFolder(name);
  }

  async copy(path: string): Promise<void> {
    await copyFile({ disk: this.#source, path }, this.#target, path);
  }

  async #copyFolder(folder: string): Promise<void> {
    await this.#target.makeDirectory(folder);
    const entries = (await this.#source.list(folder)).filter(({ isDirectory }) => !isDirectory);
    const parsed = entries.map(({ name }) => parseSegmentName(name));
    const logs = parsed.flatMap((each) => (each?.suffix === ".log" ? [each.baseOffset] : []));
    const active = Math.max(...logs);
    for (const [at, { name, sizeBytes }] of entries.entries()) {
      if (leftOut.test(name)) continue;
      const path = `${folder}/${name}`;
      const segment = parsed[at];
      const isClosed = segment !== undefined && segment.baseOffset < active;
      if (isClosed && sharedSuffixes.has(segment.suffix)) await this.#link(path, sizeBytes);
      else {
        await this.copy(path);
        this.copiedBytes += sizeBytes;
      }
    }
    await this.#target.syncDirectory(folder);
    this.folders += 1;
  }

  async #link(path: string, sizeBytes: number): Promise<void> {
    const outcome = await this.#source.link(path, path, this.#target);
    if (outcome === "linked") this.linkedFiles += 1;
    else this.copiedBytes += sizeBytes;
  }
}
