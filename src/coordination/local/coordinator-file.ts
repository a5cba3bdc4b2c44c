import type { Crc32c } from "../../base/crc32c.ts";
import type { Log } from "../../base/log.ts";
import type { Disk, DiskFile } from "../../broker/ports/disk.ts";
import { Entries } from "./entries.ts";
import {
  headerLine,
  replayLines,
  transactionLine,
  type Replay,
  type Transaction,
} from "./transaction-line.ts";

const path = "xylem-coordinator.log";
/** A rewrite in progress; without meaning until it is renamed. */
const draftPath = "xylem-coordinator.log.tmp";
const directory = "";

/** Below this a file is not worth rewriting. */
const compactBytesMin = 1_048_576;
/** How many times larger than its living entries a file may grow. */
const growthMax = 4;
/** Writes in one line of a rewritten file. */
const lineWritesMax = 64;

interface Parts {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  readonly log: Log;
}

/** The append-only file under the local coordinator. One caller at a time. */
export class CoordinatorFile {
  readonly #parts: Parts;
  #file: DiskFile;
  #isBroken = false;
  /** No rewrite below this size; doubled when one failed. */
  #compactAtBytes = compactBytesMin;

  private constructor(parts: Parts, file: DiskFile) {
    this.#parts = parts;
    this.#file = file;
  }

  static async open(parts: Parts): Promise<{ file: CoordinatorFile; entries: Entries }> {
    const { disk, crc32c, log } = parts;
    await disk.remove(draftPath);
    const bytes = await disk.readFile(path);
    const entries = new Entries();
    if (bytes === undefined) {
      const made = await writeFresh(parts, entries);
      await putInPlace(disk);
      return { file: new CoordinatorFile(parts, made), entries };
    }
    const replay = replayLines(bytes, crc32c);
    for (const transaction of replay.transactions) entries.apply(transaction);
    entries.startAt(replay.revision);
    const file = await disk.open(path, { create: false });
    await cutTornLine(file, replay, log);
    const opened = new CoordinatorFile(parts, file);
    await opened.#renew(entries);
    return { file: opened, entries };
  }

  /** A flush failed: what the file holds is unknown until it is read again. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Durable when it resolves. Rejects with DISK_FULL and nothing written, or is broken. */
  async append(transactions: readonly Transaction[]): Promise<void> {
    const sizeBefore = this.#file.sizeBytes;
    try {
      await this.#file.append([transactionLine(transactions, this.#parts.crc32c)]);
    } catch (error) {
      this.#isBroken = this.#file.sizeBytes !== sizeBefore;
      throw error;
    }
    try {
      await this.#file.sync();
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  /** Rewrites the file when most of it is history. Failing to is no failure of the caller's. */
  async compactIfLarge(entries: Entries): Promise<void> {
    const bound = Math.max(this.#compactAtBytes, entries.sizeBytes * growthMax);
    if (this.#file.sizeBytes < bound) return;
    try {
      await this.#renew(entries);
    } catch (error) {
      this.#isBroken = true;
      const why = reasonOf(error);
      this.#parts.log.error("the coordinator's compacted file was not put in place", { why });
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /**
   * Living entries in a file of their own take this one's place; without room for it things stay as
   * they are. An opened file is renewed as well: of what a former life failed to flush, a system
   * may hold lines in memory that it takes for written, and a power cut would leave a hole below
   * the next line. Rejects when it is unknown which of the two is in place.
   */
  async #renew(entries: Entries): Promise<void> {
    const { disk, log } = this.#parts;
    let fresh: DiskFile;
    try {
      fresh = await writeFresh(this.#parts, entries);
    } catch (error) {
      this.#compactAtBytes = this.#file.sizeBytes * 2;
      log.warn("the coordinator's file was not rewritten", { why: reasonOf(error) });
      return;
    }
    const old = this.#file;
    this.#file = fresh;
    this.#compactAtBytes = compactBytesMin;
    await putInPlace(disk);
    await old.close();
  }
}

/** A flushed file of all living entries, under the draft's name. */
async function writeFresh({ disk, crc32c }: Parts, entries: Entries): Promise<DiskFile> {
  await disk.remove(draftPath);
  const file = await disk.open(draftPath, { create: true });
  try {
    await file.append([headerLine(entries.revision, crc32c)]);
    for (const transaction of entries.snapshot(lineWritesMax)) {
      await file.append([transactionLine([transaction], crc32c)]);
    }
    await file.sync();
  } catch (error) {
    await file.close();
    await disk.remove(draftPath);
    throw error;
  }
  return file;
}

async function putInPlace(disk: Disk): Promise<void> {
  await disk.rename(draftPath, path);
  await disk.syncDirectory(directory);
}

async function cutTornLine(file: DiskFile, replay: Replay, log: Log): Promise<void> {
  const tornBytes = file.sizeBytes - replay.sizeBytes;
  if (tornBytes === 0) return;
  await file.truncate(replay.sizeBytes);
  await file.sync();
  log.warn("cut a torn last line off the coordinator's file", {
    position: replay.sizeBytes,
    bytes: tornBytes,
  });
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
