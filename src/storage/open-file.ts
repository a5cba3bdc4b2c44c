import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncate,
  ftruncateSync,
  open,
  openSync,
  read,
  readSync,
  writev,
  writevSync,
} from "node:fs";
import { promisify } from "node:util";
import { assert } from "../base/assert.ts";
import type { DiskFile } from "../broker/ports/disk.ts";
import { toDiskError } from "./disk-error.ts";

/**
 * Below these sizes one system call on cached pages costs less than a trip through the thread
 * pool, and holds the loop for well under 0.1 ms.
 */
const appendSyncBytesMax = 64 * 1024;
const readSyncBytesMax = 128 * 1024;
/** Bytes this far behind the end that we appended ourselves are taken to be in the page cache. */
const cachedTailBytes = 32 * 1024 * 1024;

const openAsync = promisify(open);
const closeAsync = promisify(close);
const truncateAsync = promisify(ftruncate);
const fdatasyncAsync = promisify(fdatasync);

/** A file of `FilesDisk`. Appends go to the size it knows, so a failed one leaves no hole. */
export class OpenFile implements DiskFile {
  readonly #fd: number;
  readonly #name: string;
  readonly #sizeAtOpen: number;
  #sizeBytes: number;
  #appending = false;
  /** A failed append left bytes past the size that could not be cut yet. */
  #hasRemains = false;
  #closed = false;

  private constructor(fd: number, name: string, sizeBytes: number) {
    this.#fd = fd;
    this.#name = name;
    this.#sizeAtOpen = sizeBytes;
    this.#sizeBytes = sizeBytes;
  }

  /** `name` is how errors call the file. Rejects with the system's own error. */
  static async open(path: string, name: string, create: boolean): Promise<OpenFile> {
    const flags = constants.O_RDWR | (create ? constants.O_CREAT : 0);
    // Making a file waits for the file system's journal; opening one seldom waits for anything.
    const fd = create ? await openAsync(path, flags, 0o644) : openSync(path, flags);
    try {
      return new OpenFile(fd, name, fstatSync(fd).size);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  append(chunks: readonly Uint8Array[]): void | Promise<void> {
    assert(!this.#closed, `${this.#name} is closed`);
    assert(!this.#appending, `two appends to ${this.#name} at once`);
    const total = totalBytes(chunks);
    if (total === 0) return;
    if (this.#hasRemains) this.#cutRemains();
    if (total > appendSyncBytesMax) return this.#appendAsync(chunks, total);
    this.#appendSync(chunks, total);
  }

  read(position: number, length: number, room?: Uint8Array): Uint8Array | Promise<Uint8Array> {
    assert(!this.#closed, `${this.#name} is closed`);
    const wanted = Math.max(0, Math.min(length, this.#sizeBytes - position));
    const target = room?.subarray(0, wanted) ?? Buffer.allocUnsafeSlow(wanted);
    if (wanted === 0) return target;
    const cachedFrom = Math.max(this.#sizeAtOpen, this.#sizeBytes - cachedTailBytes);
    if (wanted > readSyncBytesMax || position < cachedFrom)
      return this.#readAsync(target, position);
    return this.#readSync(target, position);
  }

  async truncate(sizeBytes: number): Promise<void> {
    assert(sizeBytes <= this.#sizeBytes, `truncating ${this.#name} past its end`);
    try {
      await truncateAsync(this.#fd, sizeBytes);
      this.#sizeBytes = sizeBytes;
    } catch (error) {
      throw toDiskError(error, `truncating ${this.#name}`);
    }
  }

  async sync(): Promise<void> {
    assert(!this.#closed, `${this.#name} is closed`);
    try {
      await fdatasyncAsync(this.#fd);
    } catch (error) {
      throw toDiskError(error, `syncing ${this.#name}`);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await closeAsync(this.#fd);
    } catch (error) {
      throw toDiskError(error, `closing ${this.#name}`);
    }
  }

  #appendSync(chunks: readonly Uint8Array[], total: number): void {
    let rest = chunks;
    let done = 0;
    try {
      while (done < total) {
        const count = writevSync(this.#fd, rest, this.#sizeBytes + done);
        done += count;
        if (done < total) rest = withoutFirst(rest, count);
      }
    } catch (error) {
      this.#undo(done);
      throw toDiskError(error, `writing ${this.#name}`);
    }
    this.#sizeBytes += total;
  }

  async #appendAsync(chunks: readonly Uint8Array[], total: number): Promise<void> {
    this.#appending = true;
    let rest = chunks;
    let done = 0;
    try {
      while (done < total) {
        const count = await this.#writev(rest, this.#sizeBytes + done);
        done += count;
        if (done < total) rest = withoutFirst(rest, count);
      }
      this.#sizeBytes += total;
    } catch (error) {
      this.#undo(done);
      throw toDiskError(error, `writing ${this.#name}`);
    } finally {
      this.#appending = false;
    }
  }

  #writev(chunks: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      writev(this.#fd, chunks, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  /** Cuts what a failed append left; if that fails too, the next append tries first. */
  #undo(written: number): void {
    if (written === 0) return;
    this.#hasRemains = true;
    try {
      this.#cutRemains();
    } catch {
      // The caller is told of the write's own failure; this one shows again at the next append.
    }
  }

  #cutRemains(): void {
    try {
      ftruncateSync(this.#fd, this.#sizeBytes);
      this.#hasRemains = false;
    } catch (error) {
      throw toDiskError(error, `cutting ${this.#name} back`);
    }
  }

  #readSync(target: Uint8Array, position: number): Uint8Array {
    let done = 0;
    try {
      while (done < target.length) {
        const count = readSync(this.#fd, target, done, target.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw toDiskError(error, `reading ${this.#name}`);
    }
    return done === target.length ? target : target.subarray(0, done);
  }

  #readAsync(target: Uint8Array, position: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let done = 0;
      const step = (error: Error | null, count: number): void => {
        if (error !== null) return reject(toDiskError(error, `reading ${this.#name}`));
        done += count;
        if (count === 0) return resolve(target.subarray(0, done));
        if (done === target.length) return resolve(target);
        read(this.#fd, target, done, target.length - done, position + done, step);
      };
      read(this.#fd, target, 0, target.length, position, step);
    });
  }
}

function totalBytes(chunks: readonly Uint8Array[]): number {
  let total = 0;
  for (const chunk of chunks) total += chunk.length;
  return total;
}

/** What is left after a partial write of `count` bytes. */
function withoutFirst(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      rest.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}
