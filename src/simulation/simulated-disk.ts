import { assert } from "../base/assert.ts";
import { XylemError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { Disk, DiskEntry, DiskFile, DiskSpace, LinkOutcome } from "../broker/ports/disk.ts";
import { drawBetween } from "./draw.ts";
import { FileContent } from "./file-content.ts";
import { SimulatedFile } from "./simulated-file.ts";
import { filesIn, type Node, pathsIn, SimulatedFolder, sizeOf } from "./simulated-folder.ts";

export type DiskOperation =
  | "list"
  | "makeDirectory"
  | "removeDirectory"
  | "open"
  | "readFile"
  | "rename"
  | "remove"
  | "link"
  | "syncDirectory"
  | "append"
  | "read"
  | "truncate"
  | "sync"
  | "close";

/** Called around each operation: may throw, or answer a promise to wait for. */
export type Fault = (operation: DiskOperation, path: string) => void | Promise<void>;

export interface SimulatedDiskOptions {
  /** Appends and creations past it answer DISK_FULL. */
  readonly capacityBytes?: number;
  readonly nowMs?: () => number;
}

interface PendingAppend {
  readonly file: SimulatedFile;
  readonly chunks: readonly Uint8Array[];
}

/**
 * A disk that loses what was not synced: bytes since a file's last sync, and names since their
 * directory's last sync. It fails, waits and rots where a test or a plan of faults says so.
 */
export class SimulatedDisk implements Disk {
  /** Before an operation has had its effect. */
  fault: Fault = () => undefined;
  /** When it has, and its caller does not know yet. */
  late: Fault = () => undefined;
  capacityBytes: number;
  syncCount = 0;
  readonly #root: SimulatedFolder;
  readonly #nowMs: () => number;
  readonly #pendingAppends = new Set<PendingAppend>();
  #usedBytes: number;
  #isDead = false;

  constructor(options: SimulatedDiskOptions = {}, root = new SimulatedFolder()) {
    this.capacityBytes = options.capacityBytes ?? Infinity;
    this.#nowMs = options.nowMs ?? (() => 0);
    this.#root = root;
    this.#usedBytes = sizeOf(root);
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** From here on no operation of this process has an effect or an end. */
  die(): void {
    this.#isDead = true;
  }

  /**
   * What a new process finds when this one dies: everything that was written. With `random` a
   * write that was under way has come a part of its way.
   */
  afterKill(random?: Random): SimulatedDisk {
    this.die();
    if (random !== undefined) for (const one of this.#pendingAppends) writePart(one, random);
    return this.#successor(this.#root);
  }

  /**
   * What would be left if the power went at this moment: of what is not synced none, a part, or
   * garbage. This disk itself goes on until it is told to die.
   */
  afterPowerCut(random: Random): SimulatedDisk {
    return this.#successor(this.#root.survivor(random, new Map()));
  }

  async list(directory: string): Promise<DiskEntry[]> {
    return this.#run("list", directory, () => {
      const folder = this.#folder(directory);
      return [...(folder?.names ?? [])].map(([name, node]) => entryOf(name, node));
    });
  }

  async makeDirectory(directory: string): Promise<void> {
    return this.#run("makeDirectory", directory, () => {
      let folder = this.#root;
      for (const name of partsOf(directory)) {
        let next = folder.names.get(name);
        if (next === undefined) {
          this.#checkRoom(1);
          next = new SimulatedFolder();
          folder.create(name, next);
        }
        if (next instanceof SimulatedFile) throw failure(`${directory} is a file`);
        folder = next;
      }
    });
  }

  async removeDirectory(directory: string): Promise<void> {
    return this.#run("removeDirectory", directory, () => {
      const { folder, name } = this.#place(directory);
      const found = folder?.names.get(name);
      if (found === undefined) return;
      if (found instanceof SimulatedFile) throw failure(`${directory} is a file`);
      folder?.remove(name, found);
      for (const file of filesIn(found)) this.#unlink(file);
    });
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    return this.#run("open", path, () => {
      const { folder, name } = this.#place(path);
      let found = folder?.names.get(name);
      if (found === undefined && options.create && folder !== undefined) {
        this.#checkRoom(1);
        found = new SimulatedFile();
        found.modifiedMs = this.#nowMs();
        folder.create(name, found);
      }
      if (!(found instanceof SimulatedFile)) throw failure(`${path}: no such file`);
      return this.#handle(found, path);
    });
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return this.#run("readFile", path, () => {
      const { folder, name } = this.#place(path);
      const found = folder?.names.get(name);
      if (found instanceof SimulatedFolder) throw failure(`${path} is a directory`);
      return found?.content.toBytes();
    });
  }

  async rename(from: string, to: string): Promise<void> {
    return this.#run("rename", from, () => {
      const source = this.#place(from);
      const node = source.folder?.names.get(source.name);
      if (source.folder === undefined || node === undefined) {
        throw failure(`${from}: no such file`);
      }
      const target = this.#place(to);
      if (target.folder === undefined) throw failure(`${to}: no such directory`);
      const replaced = target.folder.names.get(target.name);
      if (replaced === node) return;
      if (replaced instanceof SimulatedFolder) throw failure(`${to} is a directory`);
      if (replaced !== undefined) this.#unlink(replaced);
      if (source.folder === target.folder) {
        source.folder.rename({ name: source.name, node }, target.name);
        return;
      }
      source.folder.remove(source.name, node);
      target.folder.create(target.name, node);
    });
  }

  async remove(path: string): Promise<void> {
    return this.#run("remove", path, () => {
      const { folder, name } = this.#place(path);
      const found = folder?.names.get(name);
      if (found === undefined) return;
      if (found instanceof SimulatedFolder) throw failure(`${path} is a directory`);
      folder?.remove(name, found);
      this.#unlink(found);
    });
  }

  async link(from: string, to: string, onto: Disk = this): Promise<LinkOutcome> {
    return this.#run("link", from, () => {
      if (!(onto instanceof SimulatedDisk)) throw failure(`${from}: another kind of disk`);
      onto.#linkHere(this.#file(from), to);
      return "linked";
    });
  }

  async syncDirectory(directory: string): Promise<void> {
    const finish = this.#folder(directory)?.startSync();
    return this.#run("syncDirectory", directory, () => {
      if (finish === undefined) throw failure(`${directory}: no such directory`);
      finish();
    });
  }

  async space(): Promise<DiskSpace | undefined> {
    if (this.capacityBytes === Infinity) return undefined;
    return { freeBytes: this.capacityBytes - this.#usedBytes, freeFiles: Infinity };
  }

  /** The paths of all files. */
  paths(): string[] {
    return pathsIn(this.#root, "");
  }

  /** The bytes of a file, to be looked at or spoiled by a test. */
  peek(path: string): Uint8Array {
    return this.#file(path).content.toBytes();
  }

  /** Puts a file with these bytes in a file's place, durably. */
  poke(path: string, bytes: Uint8Array): void {
    const { folder, name } = this.#place(path);
    assert(folder !== undefined, `${path} lies in a directory`);
    const replaced = folder.names.get(name);
    if (replaced instanceof SimulatedFile) this.#unlink(replaced);
    const file = new SimulatedFile(FileContent.of(bytes.slice()));
    file.modifiedMs = this.#nowMs();
    folder.create(name, file);
    folder.startSync()();
    this.#usedBytes += bytes.length;
  }

  /** The file is gone, durably. */
  drop(path: string): void {
    const file = this.#file(path);
    const { folder, name } = this.#place(path);
    folder?.remove(name, file);
    folder?.startSync()();
    this.#unlink(file);
  }

  /** Other bytes in the place of those that are there, as rot makes them. */
  spoil(path: string, position: number, bytes: Uint8Array): void {
    this.#file(path).spoil(position, bytes);
  }

  /** What a failed flush of a file does to it. */
  loseCache(path: string, random: Random): void {
    this.#file(path).loseCache(random);
  }

  #handle(file: SimulatedFile, path: string): DiskFile {
    return {
      get sizeBytes() {
        return file.content.sizeBytes;
      },
      append: (chunks) => this.#append({ file, chunks }, path),
      read: (position, length) =>
        this.#runPlain("read", path, () => file.content.read(position, length)),
      truncate: (sizeBytes) => this.#run("truncate", path, () => this.#truncate(file, sizeBytes)),
      sync: () => {
        const finish = file.startFlush();
        return this.#run("sync", path, () => {
          this.syncCount += 1;
          finish();
        });
      },
      close: () => this.#run("close", path, () => undefined),
    };
  }

  #linkHere(file: SimulatedFile, path: string): void {
    const { folder, name } = this.#place(path);
    if (folder === undefined) throw failure(`${path}: no such directory`);
    if (folder.names.has(name)) throw failure(`${path} is there already`);
    file.linkCount += 1;
    folder.create(name, file);
  }

  #append(append: PendingAppend, path: string): void | Promise<void> {
    const { file, chunks } = append;
    const write = (): void => {
      const sizeBytes = chunks.reduce((total, { length }) => total + length, 0);
      this.#checkRoom(sizeBytes);
      file.append(chunks);
      file.modifiedMs = this.#nowMs();
      if (file.linkCount > 0) this.#usedBytes += sizeBytes;
    };
    this.#pendingAppends.add(append);
    try {
      const written = this.#runPlain("append", path, () => {
        this.#pendingAppends.delete(append);
        write();
      });
      if (!(written instanceof Promise)) return;
      return written.finally(() => this.#pendingAppends.delete(append));
    } catch (error) {
      this.#pendingAppends.delete(append);
      throw error;
    }
  }

  #truncate(file: SimulatedFile, sizeBytes: number): void {
    if (file.linkCount > 0) this.#usedBytes -= file.content.sizeBytes - sizeBytes;
    file.truncate(sizeBytes);
  }

  #run<T>(operation: DiskOperation, path: string, effect: () => T): Promise<T> {
    try {
      return Promise.resolve(this.#runPlain(operation, path, effect));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #runPlain<T>(operation: DiskOperation, path: string, effect: () => T): T | Promise<T> {
    if (this.#isDead) return never();
    const early = this.fault(operation, path);
    if (early instanceof Promise) {
      return early.then(() => {
        if (this.#isDead) return never();
        return this.#finish(operation, path, effect());
      });
    }
    return this.#finish(operation, path, effect());
  }

  #finish<T>(operation: DiskOperation, path: string, result: T): T | Promise<T> {
    const late = this.late(operation, path);
    if (!(late instanceof Promise)) return result;
    return late.then(() => (this.#isDead ? never<T>() : result));
  }

  #checkRoom(sizeBytes: number): void {
    if (this.#usedBytes + sizeBytes <= this.capacityBytes) return;
    throw new XylemError("DISK_FULL", `the disk is full (${this.capacityBytes} bytes)`);
  }

  #unlink(file: SimulatedFile): void {
    file.linkCount -= 1;
    if (file.linkCount === 0) this.#usedBytes -= file.content.sizeBytes;
  }

  #successor(root: SimulatedFolder): SimulatedDisk {
    return new SimulatedDisk({ capacityBytes: this.capacityBytes, nowMs: this.#nowMs }, root);
  }

  #file(path: string): SimulatedFile {
    const { folder, name } = this.#place(path);
    const found = folder?.names.get(name);
    if (!(found instanceof SimulatedFile)) throw failure(`${path}: no such file`);
    return found;
  }

  #folder(directory: string): SimulatedFolder | undefined {
    let folder = this.#root;
    for (const name of partsOf(directory)) {
      const next = folder.names.get(name);
      if (!(next instanceof SimulatedFolder)) return undefined;
      folder = next;
    }
    return folder;
  }

  #place(path: string): { folder: SimulatedFolder | undefined; name: string } {
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

function entryOf(name: string, node: Node): DiskEntry {
  const isDirectory = node instanceof SimulatedFolder;
  const sizeBytes = isDirectory ? 0 : node.content.sizeBytes;
  return { name, isDirectory, sizeBytes, modifiedMs: isDirectory ? 0 : node.modifiedMs };
}

/** A kill in the middle of a write: a part of it may have reached the file. */
function writePart({ file, chunks }: PendingAppend, random: Random): void {
  const all = FileContent.empty.append(chunks);
  file.append([all.cut(drawBetween(random, 0, all.sizeBytes)).toBytes()]);
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}

function failure(detail: string): XylemError {
  return new XylemError("KAFKA_STORAGE_ERROR", detail);
}
