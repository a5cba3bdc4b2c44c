import { promises as files } from "node:fs";
import { dirname, join } from "node:path";
import { assert } from "../base/assert.ts";
import type { Disk, DiskEntry, DiskFile } from "../broker/ports/disk.ts";
import { systemCode, toDiskError } from "./disk-error.ts";
import { OpenFile } from "./open-file.ts";

/** Stat calls of one listing that run side by side. */
const statsParallel = 32;

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
      for (let first = 0; first < names.length; first += statsParallel) {
        const some = names.slice(first, first + statsParallel);
        const found = await Promise.all(some.map((name) => describeEntry(path, name)));
        for (const entry of found) if (entry !== undefined) entries.push(entry);
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
      return await files.readFile(this.#path(path));
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

  async syncDirectory(directory: string): Promise<void> {
    await told(syncDirectoryAt(this.#path(directory)), `syncing ${directory}`);
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
    if (code === "EEXIST" && (await files.stat(path)).isDirectory()) return [];
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
async function describeEntry(directory: string, name: string): Promise<DiskEntry | undefined> {
  try {
    const stat = await files.stat(join(directory, name));
    return {
      name,
      isDirectory: stat.isDirectory(),
      sizeBytes: stat.isDirectory() ? 0 : stat.size,
      modifiedMs: stat.mtimeMs,
    };
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function syncDirectoryAt(path: string): Promise<void> {
  // Windows cannot open a directory; its file system journals entries by itself.
  if (process.platform === "win32") return;
  const handle = await files.open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
