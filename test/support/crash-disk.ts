import type { Random } from "../../src/base/random.ts";
import type { Disk, DiskEntry, DiskFile, LinkOutcome } from "../../src/broker/ports/disk.ts";
import { XylemError } from "../../src/base/errors.ts";

/** What a test wants to go wrong: called before each operation, may throw or wait. */
export type Fault = (operation: string, path: string) => void | Promise<void>;

class CrashFile {
  bytes = new Uint8Array(0);
  /** The content a power cut is sure to leave. */
  durable = new Uint8Array(0);

  append(chunks: readonly Uint8Array[]): void {
    this.bytes = new Uint8Array(Buffer.concat([this.bytes, ...chunks]));
  }
}

type Folder = Map<string, Folder | CrashFile>;

/**
 * A disk that loses what was not synced: bytes since a file's last sync, and names since their
 * directory's last sync. It also fails where a test says so.
 */
export class CrashDisk implements Disk {
  fault: Fault = () => undefined;
  syncCount = 0;
  readonly #root: Folder;
  /** The names of each directory as of its last sync. */
  readonly #durable = new Map<Folder, Folder>();

  constructor(root: Folder = new Map()) {
    this.#root = root;
    this.#markDurable(root);
  }

  /** What a new process finds when only this one died: everything that was written. */
  afterKill(): CrashDisk {
    return new CrashDisk(this.#root);
  }

  /** What is left when the power goes: of unsynced tails none, a part, or garbage. */
  afterPowerCut(random: Random): CrashDisk {
    return new CrashDisk(this.#survivors(this.#root, random));
  }

  async list(directory: string): Promise<DiskEntry[]> {
    await this.fault("list", directory);
    return [...(this.#folder(directory) ?? [])].map(([name, found]) => ({
      name,
      isDirectory: found instanceof Map,
      sizeBytes: found instanceof Map ? 0 : found.bytes.length,
      modifiedMs: 0,
    }));
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.fault("makeDirectory", directory);
    const { parent, name } = this.#place(directory);
    if (!parent.has(name)) parent.set(name, new Map());
  }

  async removeDirectory(directory: string): Promise<void> {
    await this.fault("removeDirectory", directory);
    const { parent, name } = this.#place(directory);
    parent.delete(name);
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    await this.fault("open", path);
    const { parent, name } = this.#place(path);
    let found = parent.get(name);
    if (found === undefined && options.create) parent.set(name, (found = new CrashFile()));
    if (!(found instanceof CrashFile)) throw failure(`${path}: no such file`);
    return this.#handle(found, path);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    await this.fault("readFile", path);
    const folder = this.#folder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    const found = folder?.get(path.slice(path.lastIndexOf("/") + 1));
    return found instanceof CrashFile ? found.bytes.slice() : undefined;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.fault("rename", from);
    const source = this.#place(from);
    const moved = source.parent.get(source.name);
    if (moved === undefined) throw failure(`${from}: no such file`);
    const target = this.#place(to);
    source.parent.delete(source.name);
    target.parent.set(target.name, moved);
  }

  async remove(path: string): Promise<void> {
    await this.fault("remove", path);
    const { parent, name } = this.#place(path);
    parent.delete(name);
  }

  async link(from: string, to: string, onto: Disk = this): Promise<LinkOutcome> {
    await this.fault("link", from);
    if (!(onto instanceof CrashDisk)) throw failure(`${from}: another kind of disk`);
    const source = this.#place(from);
    const found = source.parent.get(source.name);
    if (!(found instanceof CrashFile)) throw failure(`${from}: no such file`);
    const target = onto.#place(to);
    if (target.parent.has(target.name)) throw failure(`${to} is there already`);
    target.parent.set(target.name, found);
    return "linked";
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.fault("syncDirectory", directory);
    const folder = this.#folder(directory);
    if (folder === undefined) throw failure(`${directory}: no such directory`);
    this.#durable.set(folder, new Map(folder));
  }

  /** The bytes of a file, to be looked at or spoiled by a test. */
  peek(path: string): Uint8Array {
    const { parent, name } = this.#place(path);
    const found = parent.get(name);
    if (!(found instanceof CrashFile)) throw failure(`${path}: no such file`);
    return found.bytes;
  }

  /** Puts other bytes in a file's place, as rot or a test's setting does. */
  poke(path: string, bytes: Uint8Array): void {
    const { parent, name } = this.#place(path);
    const file = new CrashFile();
    file.bytes = bytes.slice();
    file.durable = file.bytes;
    parent.set(name, file);
  }

  #handle(file: CrashFile, path: string): DiskFile {
    const fault = (operation: string): void | Promise<void> => this.fault(operation, path);
    const noteSync = (): void => {
      this.syncCount += 1;
    };
    return {
      get sizeBytes() {
        return file.bytes.length;
      },
      async append(chunks) {
        await fault("append");
        file.append(chunks);
      },
      async read(position, length) {
        await fault("read");
        return file.bytes.slice(position, position + length);
      },
      async truncate(sizeBytes) {
        await fault("truncate");
        file.bytes = file.bytes.slice(0, sizeBytes);
      },
      async sync() {
        const covered = file.bytes;
        await fault("sync");
        noteSync();
        file.durable = covered;
      },
      close: async () => fault("close"),
    };
  }

  #survivors(folder: Folder, random: Random): Folder {
    const left: Folder = new Map();
    for (const [name, found] of this.#durable.get(folder) ?? []) {
      if (found instanceof Map) left.set(name, this.#survivors(found, random));
      else left.set(name, survivor(found, random));
    }
    return left;
  }

  #markDurable(folder: Folder): void {
    this.#durable.set(folder, new Map(folder));
    for (const found of folder.values()) if (found instanceof Map) this.#markDurable(found);
  }

  #folder(directory: string): Folder | undefined {
    let folder: Folder = this.#root;
    for (const part of directory.split("/").filter((text) => text !== "")) {
      const next = folder.get(part);
      if (!(next instanceof Map)) return undefined;
      folder = next;
    }
    return folder;
  }

  #place(path: string): { parent: Folder; name: string } {
    const slash = path.lastIndexOf("/");
    const parent = this.#folder(path.slice(0, Math.max(0, slash)));
    if (parent === undefined) throw failure(`${path}: no such directory`);
    return { parent, name: path.slice(slash + 1) };
  }
}

function survivor(file: CrashFile, random: Random): CrashFile {
  const left = new CrashFile();
  const tail = file.bytes.subarray(file.durable.length);
  const kept = tail.length === 0 ? 0 : random.nextUint32() % (tail.length + 1);
  const end = tail.slice(0, kept);
  // The size may have reached the disk without the bytes.
  if (random.nextUint32() % 3 === 0) end.fill(0, Math.floor(kept / 2));
  left.bytes = new Uint8Array(Buffer.concat([file.durable, end]));
  left.durable = left.bytes;
  return left;
}

function failure(detail: string): XylemError {
  return new XylemError("KAFKA_STORAGE_ERROR", detail);
}
