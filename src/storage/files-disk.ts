import { closeSync, fstatSync, openSync, promises as files, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { assert } from "../base/assert.ts";
import { copyFile } from "../broker/partition/copies/copy-file.ts";
import type { Disk, DiskEntry, DiskFile, DiskSpace, LinkOutcome } from "../broker/ports/disk.ts";
import { systemCode, toDiskError } from "./disk-error.ts";
import { OpenFile } from "./open-file.ts";

/**
 * One call on what the system has cached costs a tenth of a trip through the thread pool, which is
 * what opening ten thousand partitions consists of. Others run after so many.
 */
const statsPerTurn = 256;
/** Larger files are read on the thread pool. */
const readSyncBytesMax = 64 * 1024;

/** Together longer than a silent connection may hold its descriptor. */
const descriptorTriesMax = 150;
const descriptorWaitMs = 100;

/** What a file system says that has no hard links, or none between these two places. */
const unsharedCodes = new Set(["EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** The file system below one root directory, which must exist. */
export class FilesDisk implements Disk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async list(directory: string): Promise<DiskEntry[]> {
    const path = this.#path(directory);
    try {
      const names = await files.readdir(path);
      const entries: DiskEntry[] = [];
      for (const [index, name] of names.entries()) {
        if (index % statsPerTurn === statsPerTurn - 1) await setImmediate();
        const entry = describeEntry(path, name);
        if (entry !== undefined) entries.push(entry);
      }
      return entries;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw toDiskError(error, `listing ${directory}`);
    }
  }

  async makeDirectory(directory: string): Promise<void> {
    await told(makePath(this.#path(directory)), `making ${directory}`);
  }

  async removeDirectory(directory: string): Promise<void> {
    assert(directory !== "" && directory !== ".", "the root of a disk is never removed");
    const removal = files.rm(this.#path(directory), { recursive: true, force: true });
    await told(removal, `removing ${directory}`);
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    return told(OpenFile.open(this.#path(path), path, options.create), `opening ${path}`);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    try {
      const absolute = this.#path(path);
      return readSmallFile(absolute) ?? (await files.readFile(absolute));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw toDiskError(error, `reading ${path}`);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await told(files.rename(this.#path(from), this.#path(to)), `renaming ${from} to ${to}`);
  }

  async remove(path: string): Promise<void> {
    await told(files.rm(this.#path(path), { force: true }), `removing ${path}`);
  }

  async link(from: string, to: string, onto: Disk = this): Promise<LinkOutcome> {
    if (!(onto instanceof FilesDisk)) return copyFile({ disk: this, path: from }, onto, to);
    try {
      await files.link(this.#path(from), onto.#path(to));
      return "linked";
    } catch (error) {
      const isRefused = unsharedCodes.has(systemCode(error) ?? "");
      if (!isRefused) throw toDiskError(error, `linking ${from} to ${to}`);
    }
    return copyFile({ disk: this, path: from }, onto, to);
  }

  async syncDirectory(directory: string): Promise<void> {
    await told(syncDirectoryAt(this.#path(directory)), `syncing ${directory}`);
  }

  async space(): Promise<DiskSpace> {
    const {
      bavail,
      bsize,
      files: filesMax,
      ffree,
    } = await told(files.statfs(this.#root), "asking for the space left");
    // A file system that makes them as they are needed tells of none at all.
    return { freeBytes: bavail * bsize, freeFiles: filesMax === 0 ? Infinity : ffree };
  }

  /** Names reach us checked; a path that leaves the root is a defect of ours. */
  #path(relative: string): string {
    const parts = relative.split("/");
    assert(!relative.startsWith("/") && !parts.includes(".."), `${relative} leaves the directory`);
    return join(this.#root, relative);
  }
}

/** Makes `root` and its missing parents, and their entries durable. */
export async function makeRoot(root: string): Promise<void> {
  for (const made of await told(makePath(root), `making ${root}`)) {
    await told(syncDirectoryAt(dirname(made)), `syncing ${dirname(made)}`);
  }
}

/**
 * Makes a directory and its missing parents; answers those it made. Not Node's `recursive`: where
 * a parent says ENOENT though it exists (`/proc`), that one tries for ever.
 */
async function makePath(path: string, parentMade = false): Promise<string[]> {
  try {
    await files.mkdir(path);
    return [path];
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") {
      if ((await files.stat(path)).isDirectory()) return [];
      throw new Error(`${path} is not a directory`);
    }
    if (code !== "ENOENT" || parentMade || dirname(path) === path) throw error;
  }
  const parents = await makePath(dirname(path));
  return [...parents, ...(await makePath(path, true))];
}

async function told<T>(work: Promise<T>, action: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toDiskError(error, action);
  }
}

/** Undefined for what vanished since the directory was read. */
function describeEntry(directory: string, name: string): DiskEntry | undefined {
  const stat = statSync(join(directory, name), { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return {
    name,
    isDirectory: stat.isDirectory(),
    sizeBytes: stat.isDirectory() ? 0 : stat.size,
    modifiedMs: stat.mtimeMs,
  };
}

/** Undefined when the file is too large to be read without letting others run. */
function readSmallFile(path: string): Uint8Array | undefined {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    if (size > readSyncBytesMax) return undefined;
    const bytes = Buffer.allocUnsafeSlow(size);
    const count = readSync(fd, bytes, 0, size, 0);
    return bytes.subarray(0, count);
  } finally {
    closeSync(fd);
  }
}

async function syncDirectoryAt(path: string): Promise<void> {
  // Windows cannot open a directory; its file system journals entries by itself.
  if (process.platform === "win32") return;
  const handle = await openDirectory(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Waits for a descriptor where none is left: what was written can not be refused any more. */
async function openDirectory(path: string): Promise<files.FileHandle> {
  for (let triesLeft = descriptorTriesMax; ; triesLeft -= 1) {
    try {
      return await files.open(path, "r");
    } catch (error) {
      const code = systemCode(error);
      if (triesLeft === 0 || (code !== "EMFILE" && code !== "ENFILE")) throw error;
    }
    await sleep(descriptorWaitMs);
  }
}
