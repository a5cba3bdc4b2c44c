import { type FileHandle, open } from "node:fs/promises";
import { assert } from "../../base/assert.ts";
import type { DiskFile } from "../../broker/ports/disk.ts";

/** A file that is only read. Reads reject with the system's error, or once `signal` is aborted. */
export class ReadOnlyFile implements DiskFile {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal;

  private constructor(handle: FileHandle, sizeBytes: number, signal: AbortSignal) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
    this.#signal = signal;
  }

  static async open(path: string, signal: AbortSignal): Promise<ReadOnlyFile> {
    const handle = await open(path, "r");
    const { size } = await handle.stat();
    return new ReadOnlyFile(handle, size, signal);
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.#signal.throwIfAborted();
    const bytes = new Uint8Array(Math.min(length, Math.max(0, this.sizeBytes - position)));
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, at);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  append(): void {
    assert(false, "a file that is verified is never written");
  }

  async truncate(): Promise<void> {
    this.append();
  }

  async sync(): Promise<void> {
    this.append();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
