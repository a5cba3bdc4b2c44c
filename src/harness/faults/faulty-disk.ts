import { XylemError } from "../../base/errors.ts";
import type { Disk, DiskEntry, DiskFile, DiskSpace, LinkOutcome } from "../../broker/ports/disk.ts";

export type DiskOperation = "create" | "append" | "read" | "sync";

/** Called before an operation: rejects it, or lets it wait. Undefined: it goes on at once. */
export type BeforeOperation = (operation: DiskOperation, path: string) => Promise<void> | undefined;

/** A disk that fails, fills up or dawdles when it is told to, in front of a real one. */
export class FaultyDisk implements Disk {
  readonly #real: Disk;
  readonly #before: BeforeOperation;

  constructor(real: Disk, before: BeforeOperation) {
    this.#real = real;
    this.#before = before;
  }

  list(directory: string): Promise<DiskEntry[]> {
    return this.#real.list(directory);
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.#before("create", directory);
    await this.#real.makeDirectory(directory);
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#real.removeDirectory(directory);
  }

  async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    if (options.create) await this.#before("create", path);
    return new FaultyFile(await this.#real.open(path, options), path, this.#before);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    await this.#before("read", path);
    return await this.#real.readFile(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#real.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#real.remove(path);
  }

  link(from: string, to: string, onto?: Disk): Promise<LinkOutcome> {
    if (onto === undefined) return this.#real.link(from, to);
    return this.#real.link(from, to, onto instanceof FaultyDisk ? onto.#real : onto);
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#real.syncDirectory(directory);
  }

  space(): Promise<DiskSpace | undefined> {
    return this.#real.space();
  }
}

class FaultyFile implements DiskFile {
  readonly #real: DiskFile;
  readonly #path: string;
  readonly #before: BeforeOperation;

  constructor(real: DiskFile, path: string, before: BeforeOperation) {
    this.#real = real;
    this.#path = path;
    this.#before = before;
  }

  get sizeBytes(): number {
    return this.#real.sizeBytes;
  }

  append(chunks: readonly Uint8Array[]): void | Promise<void> {
    const waiting = this.#before("append", this.#path);
    if (waiting === undefined) return this.#real.append(chunks);
    return waiting.then(() => this.#real.append(chunks));
  }

  read(position: number, length: number, target?: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const waiting = this.#before("read", this.#path);
    if (waiting === undefined) return this.#real.read(position, length, target);
    return waiting.then(() => this.#real.read(position, length, target));
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#real.truncate(sizeBytes);
  }

  async sync(): Promise<void> {
    await this.#before("sync", this.#path);
    await this.#real.sync();
  }

  close(): Promise<void> {
    return this.#real.close();
  }
}

/** What a disk that is full answers, and one that is broken. */
export function diskError(kind: "full" | "broken", path: string): XylemError {
  const code = kind === "full" ? "DISK_FULL" : "KAFKA_STORAGE_ERROR";
  return new XylemError(code, `${path}: a scripted fault says that the disk is ${kind}`);
}
