/**
 * A place for files, as small as a log needs it: the file system, memory, or a simulated disk.
 * Paths are relative, `/` between parts, made only from checked names (storage.md, promise 7).
 *
 * Failures reject with `XylemError`: DISK_FULL where no space, inodes or descriptors are left (the
 * operation had no effect that a reader can see), KAFKA_STORAGE_ERROR for everything else, as a
 * `DamageError` where what is stored is lost.
 * A method that answers `T | Promise<T>` answers plainly when no waiting is needed.
 */
export interface Disk {
  /** Names in a directory with their sizes, unordered. An absent directory is empty. */
  list(directory: string): Promise<DiskEntry[]>;
  makeDirectory(directory: string): Promise<void>;
  /** Removes a directory with everything in it. Absent: no error. */
  removeDirectory(directory: string): Promise<void>;
  /** Opens for reading, appending and truncating. Absent: made with `create`, else an error. */
  open(path: string, options: { create: boolean }): Promise<DiskFile>;
  /** The whole content of a small file; undefined when absent. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Moves over an existing file atomically. Directories too. */
  rename(from: string, to: string): Promise<void>;
  /** Absent: no error. */
  remove(path: string): Promise<void>;
  /**
   * Gives a file one more name, on this disk or on `onto`, where nothing may have that name yet.
   * Both names are one file afterwards: it is not appended to or cut any more, each name is only
   * removed or replaced. Answers "copied" where the file system can not share a file: then the
   * copy's bytes are durable. The name itself is so after `syncDirectory`.
   */
  link(from: string, to: string, onto?: Disk): Promise<LinkOutcome>;
  /** Makes the creations, renames and removals in this directory durable. */
  syncDirectory(directory: string): Promise<void>;
  /**
   * What is left for this process, as the system tells it; others may use it up. Undefined: nobody
   * else takes space here, and the disk itself refuses what is too much.
   */
  space(): Promise<DiskSpace | undefined>;
}

export interface DiskSpace {
  readonly freeBytes: number;
  /** Files and folders that can still be made; Infinity where the file system has no such bound. */
  readonly freeFiles: number;
}

export type LinkOutcome = "linked" | "copied";

export interface DiskEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface DiskFile {
  readonly sizeBytes: number;
  /**
   * Adds the chunks at the end, in order. The caller gives the chunks away: they are never changed
   * afterwards, and a memory disk keeps them. On failure the file is as long as before.
   * At most one append is under way.
   */
  append(chunks: readonly Uint8Array[]): void | Promise<void>;
  /**
   * Bytes [position, position + length), fewer at the end of the file. Not to be changed. `target`
   * is room for them, of at least that length, which the answer may be a view of or leave alone.
   */
  read(position: number, length: number, target?: Uint8Array): Uint8Array | Promise<Uint8Array>;
  truncate(sizeBytes: number): Promise<void>;
  /** Makes everything appended before this call durable (fdatasync). */
  sync(): Promise<void>;
  /** Closing twice is harmless. */
  close(): Promise<void>;
}
