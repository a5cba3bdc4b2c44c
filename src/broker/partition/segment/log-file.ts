import { assert } from "../../../base/assert.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Disk, DiskFile } from "../../ports/disk.ts";
import { SegmentReplaced } from "../read/across-replacement.ts";
import { after } from "../after.ts";
import type { OpenFiles } from "./open-files.ts";

/**
 * The `.log` of one segment: opened when it is used, closed when others need its place. While a
 * use goes on it is neither closed nor removed.
 */
export class LogFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #open: OpenFiles;
  #file: DiskFile | undefined;
  #opening: Promise<DiskFile> | undefined;
  #userCount = 0;
  /** Set once nobody may start to use it; resolves when the last user is done. */
  #unused: PromiseWithResolvers<void> | undefined;
  #retired = false;
  /** Set when others take its place: until then its readers wait. */
  #replacedAt: Promise<void> | undefined;
  /** Set while it holds bytes that no flush has covered. */
  #requestFlush: (() => void) | undefined;

  constructor(disk: Disk, path: string, open: OpenFiles) {
    this.#disk = disk;
    this.path = path;
    this.#open = open;
  }

  /** Holds bytes that no flush has covered: closing it now could lose the news of a failed one. */
  get isDirty(): boolean {
    return this.#requestFlush !== undefined;
  }

  /** Bytes were written; `requestFlush` is called when the file could be closed but for them. */
  noteWritten(requestFlush: () => void): void {
    this.#requestFlush = requestFlush;
  }

  /** All that was written is flushed. */
  noteFlushed(): void {
    this.#requestFlush = undefined;
    this.#open.trim();
  }

  /** Nobody may use it any more. */
  get isRetired(): boolean {
    return this.#retired;
  }

  /** Makes the file, which must not be there yet. Rejects as Disk.open does. */
  async create(): Promise<void> {
    this.#file = await this.#openFile({ create: true });
    assert(this.#file.sizeBytes === 0, `${this.path} was there before it was made`);
    this.#open.touch(this);
  }

  /**
   * Calls `action` with the open file, at once when it is open. Once it is retired its offsets lie
   * below the log start: OFFSET_OUT_OF_RANGE; once it is superseded, SegmentReplaced.
   */
  use<T>(action: (file: DiskFile) => T | Promise<T>): T | Promise<T> {
    this.checkCurrent();
    if (this.#retired) throw new XylemError("OFFSET_OUT_OF_RANGE", `${this.path} was removed`);
    this.#userCount += 1;
    try {
      const result = after(this.#file ?? this.#reopen(), (file) => {
        this.#open.touch(this);
        return action(file);
      });
      if (result instanceof Promise) return result.finally(() => this.#release());
      this.#release();
      return result;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** Answers whether it is closed or closing; one that is only dirty will be flushed. */
  closeIfIdle(): boolean {
    if (this.#userCount > 0) return false;
    this.#requestFlush?.();
    if (this.isDirty) return false;
    const file = this.#file;
    this.#file = undefined;
    // A descriptor that fails to close has nothing unsynced: it was idle.
    file?.close().catch(() => undefined);
    return true;
  }

  /** Throws SegmentReplaced when its path is, or will be, another file's. */
  checkCurrent(): void {
    if (this.#replacedAt !== undefined) throw new SegmentReplaced(this.path, this.#replacedAt);
  }

  /** As `retire`; whoever comes from now on is told to look again when `until` resolves. */
  supersede(until: Promise<void>): Promise<void> {
    this.#replacedAt = until;
    return this.retire();
  }

  /**
   * Lets nobody use it any more; resolves when the last use is over and, for the first who asked,
   * it is closed. Retention and a close of its partition may both ask.
   */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#userCount > 0) {
      this.#unused ??= Promise.withResolvers();
      await this.#unused.promise;
    }
    this.#open.forget(this);
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #openFile(options: { create: boolean }): Promise<DiskFile> {
    try {
      return await this.#disk.open(this.path, options);
    } catch (error) {
      // Whoever tries again finds room.
      if (error instanceof XylemError && error.code === "DISK_FULL") this.#open.closeAllIdle();
      throw error;
    }
  }

  #reopen(): Promise<DiskFile> {
    this.#opening ??= this.#openFile({ create: false })
      .then((file) => {
        this.#file = file;
        return file;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  #release(): void {
    this.#userCount -= 1;
    if (this.#userCount === 0) this.#unused?.resolve();
  }
}
