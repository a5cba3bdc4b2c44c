import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { XylemError } from "../base/errors.ts";
import { copyFile } from "../broker/partition/copies/copy-file.ts";
import type { Disk, DiskEntry, DiskFile, DiskSpace, LinkOutcome } from "../broker/ports/disk.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { MemoryFile } from "./memory-file.ts";

type Folder = Map<string, Folder | MemoryFile>;

/**
 * A disk that lives and dies with the process. Bounded: once `sizeBytesMax` bytes are kept, every
 * append answers DISK_FULL until something is removed. A removed file goes with its last reader.
 */
export class MemoryDisk implements Disk {
  readonly #root: Folder = new Map();
  readonly #budget: MemoryBudget;
  readonly #clock: Clock;

  constructor(options: { sizeBytesMax: number; clock: Clock }) {
    this.#budget = new MemoryBudget(options.sizeBytesMax);
    this.#clock = options.clock;
  }

  /** Bytes of memory that the kept files take. */
  get usedBytes(): number {
    return this.#budget.usedBytes;
  }

  async list(directory: string): Promise<DiskEntry[]> {
    const folder = this.#folder(directory);
    if (folder === undefined) return [];
    return [...folder].map(([name, found]) => ({
      name,
      isDirectory: found instanceof Map,
      sizeBytes: found instanceof Map ? 0 : found.sizeBytes,
      modifiedMs: found instanceof Map ? 0 : found.modifiedMs,
    }));
  }

  async makeDirectory(directory: string): Promise<void> {
    let folder = this.#root;
    for (const part of partsOf(directory)) {
      let next = folder.get(part);
      if (next === undefined) {
        next = new Map();
        folder.set(part, next);
      }
      if (!(next instanceof Map)) throw failure(`${directory} is a file`);
      folder = next;
    }
  }

  async removeDirectory(directory: string): Promise<void> {
    const { folder, name } = this.#place(directory);
    const found = folder?.get(name);
    if (found === undefined) return;
    if (!(found instanceof Map)) throw failure(`${directory} is a file`);
    folder?.delete(name);
    unlinkAll(found);
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const { folder, name } = this.#place(path);
    if (folder === undefined) throw failure(`${path}: no such directory`);
    let found = folder.get(name);
    if (found === undefined) {
      if (!options.create) throw failure(`${path}: no such file`);
      found = new MemoryFile(this.#budget, this.#clock);
      folder.set(name, found);
    }
    if (found instanceof Map) throw failure(`${path} is a directory`);
    return found.open();
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    const { folder, name } = this.#place(path);
    const found = folder?.get(name);
    if (found === undefined) return undefined;
    if (found instanceof Map) throw failure(`${path} is a directory`);
    return found.read(0, found.sizeBytes);
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#place(from);
    const moved = source.folder?.get(source.name);
    if (moved === undefined) throw failure(`${from}: no such file`);
    const target = this.#place(to);
    if (target.folder === undefined) throw failure(`${to}: no such directory`);
    const replaced = target.folder.get(target.name);
    if (replaced === moved) return;
    if (replaced instanceof Map) throw failure(`${to} is a directory`);
    replaced?.unlink();
    source.folder?.delete(source.name);
    target.folder.set(target.name, moved);
  }

  async remove(path: string): Promise<void> {
    const { folder, name } = this.#place(path);
    const found = folder?.get(name);
    if (found === undefined) return;
    if (found instanceof Map) throw failure(`${path} is a directory`);
    folder?.delete(name);
    found.unlink();
  }

  async link(from: string, to: string, onto: Disk = this): Promise<LinkOutcome> {
    if (!(onto instanceof MemoryDisk)) return copyFile({ disk: this, path: from }, onto, to);
    const source = this.#place(from);
    const found = source.folder?.get(source.name);
    if (!(found instanceof MemoryFile)) throw failure(`${from}: no such file`);
    const target = onto.#place(to);
    if (target.folder === undefined) throw failure(`${to}: no such directory`);
    if (target.folder.has(target.name)) throw failure(`${to} is there already`);
    found.link();
    target.folder.set(target.name, found);
    return "linked";
  }

  async syncDirectory(directory: string): Promise<void> {
    if (this.#folder(directory) === undefined) throw failure(`${directory}: no such directory`);
  }

  /** Its own bound is the only one. */
  async space(): Promise<DiskSpace | undefined> {
    return undefined;
  }

  #folder(directory: string): Folder | undefined {
    let folder = this.#root;
    for (const part of partsOf(directory)) {
      const next = folder.get(part);
      if (!(next instanceof Map)) return undefined;
      folder = next;
    }
    return folder;
  }

  #place(path: string): { folder: Folder | undefined; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    assert(name !== undefined, "a path names something");
    return { folder: this.#folder(parts.join("/")), name };
  }
}

function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  assert(!parts.includes(".."), `${path} leaves the directory`);
  return parts;
}

function unlinkAll(folder: Folder): void {
  for (const found of folder.values()) {
    if (found instanceof Map) unlinkAll(found);
    else found.unlink();
  }
}

function failure(detail: string): XylemError {
  return new XylemError("KAFKA_STORAGE_ERROR", detail);
}
