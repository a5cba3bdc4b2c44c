import { XylemError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Disk, DiskEntry, DiskFile, DiskSpace, LinkOutcome } from "../broker/ports/disk.ts";
import { SparedFile } from "./spared-file.ts";

export const reserveName = "xylem-reserve";

/** The file takes this part of what appends leave free: what they may not take either. */
const reservePart = 0.25;
const sizeBytesMax = 4 * 1024 * 1024;
const blockBytes = 64 * 1024;

/** Records, and what a new partition begins with: they wait for room as all appends do. */
const ofRecords = /\/([^/]*\.(log|index|timeindex|txnindex)|partition\.metadata(\.tmp)?)$/;

export interface ReserveOptions {
  /** `log.disk.reserve.bytes`; 0: no file is kept. */
  readonly reserveBytes: number;
  readonly random: Random;
  readonly log: Log;
}

/**
 * A disk on which a file keeps some space and an inode, so that checkpoints, deletions, settings
 * and a stop in order still work where others took all the rest (storage.md, promise 6). What meets
 * a full disk and is not an append to a log removes the file and tries once more; `space` makes it
 * anew. The file is in no list, and what it takes counts as free.
 */
export class ReservedDisk implements Disk {
  readonly #disk: Disk;
  readonly #options: ReserveOptions;
  readonly #sizeBytes: number;
  #isHeld = false;
  #releases = 0;
  #releasing: Promise<boolean> | undefined;

  private constructor(disk: Disk, options: ReserveOptions) {
    this.#disk = disk;
    this.#options = options;
    this.#sizeBytes = Math.min(sizeBytesMax, Math.floor(options.reserveBytes * reservePart));
  }

  static async open(disk: Disk, options: ReserveOptions): Promise<ReservedDisk> {
    const reserved = new ReservedDisk(disk, options);
    const found = (await disk.list("")).find(({ name }) => name === reserveName);
    reserved.#isHeld = found !== undefined && found.sizeBytes === reserved.#sizeBytes;
    if (found !== undefined && !reserved.#isHeld) await disk.remove(reserveName);
    return reserved;
  }

  async list(directory: string): Promise<DiskEntry[]> {
    const entries = await this.#disk.list(directory);
    return directory === "" ? entries.filter(({ name }) => name !== reserveName) : entries;
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#disk.makeDirectory(directory);
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#spare(() => this.#disk.removeDirectory(directory));
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    if (ofRecords.test(path)) return this.#disk.open(path, options);
    const file = await this.#spare(() => this.#disk.open(path, options));
    return new SparedFile(file, (work) => this.#spare(work));
  }

  readFile(path: string): Promise<Uint8Array | undefined> {
    return this.#disk.readFile(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#spare(() => this.#disk.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#spare(() => this.#disk.remove(path));
  }

  link(from: string, to: string, onto?: Disk): Promise<LinkOutcome> {
    return this.#disk.link(from, to, onto instanceof ReservedDisk ? onto.#disk : onto);
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#disk.syncDirectory(directory);
  }

  /** Makes the reserve where it is not there and there is room for appends too. */
  async space(): Promise<DiskSpace | undefined> {
    const wasHeld = this.#isHeld;
    const space = await this.#disk.space();
    if (space === undefined || this.#sizeBytes === 0) return space;
    if (wasHeld) return { ...space, freeBytes: space.freeBytes + this.#sizeBytes };
    if (space.freeBytes >= this.#options.reserveBytes && space.freeFiles > 1) await this.#make();
    return space;
  }

  /** A flush is no such work: after one that failed, a second says nothing. */
  async #spare<T>(work: () => T | Promise<T>): Promise<T> {
    const releases = this.#releases;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof XylemError) || error.code !== "DISK_FULL") throw error;
      if (this.#releases === releases && !(await this.#release())) throw error;
      return await work();
    }
  }

  #release(): Promise<boolean> {
    this.#releasing ??= this.#removeReserve().finally(() => (this.#releasing = undefined));
    return this.#releasing;
  }

  async #removeReserve(): Promise<boolean> {
    if (!this.#isHeld) return false;
    this.#isHeld = false;
    await this.#disk.remove(reserveName);
    this.#releases += 1;
    const sizeBytes = this.#sizeBytes;
    this.#options.log.warn("the disk is full: its reserve is used", { sizeBytes });
    return true;
  }

  /** Of bytes that no file system stores as less: zeros may take no space. */
  async #make(): Promise<void> {
    const { random, log } = this.#options;
    try {
      await this.#disk.remove(reserveName);
      const file = await this.#disk.open(reserveName, { create: true });
      try {
        for (let left = this.#sizeBytes; left > 0; left -= blockBytes) {
          await file.append([random.bytes(Math.min(left, blockBytes))]);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      this.#isHeld = true;
    } catch (error) {
      log.warn("no reserve was made on the disk", { why: (error as Error).message });
      await this.#disk.remove(reserveName);
    }
  }
}
