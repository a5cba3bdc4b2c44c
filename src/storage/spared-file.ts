import type { DiskFile } from "../broker/ports/disk.ts";

/** Does work, again if space could be made for it. */
export type Spare = (work: () => void | Promise<void>) => Promise<void>;

/** A file whose appends may use what is kept for them on a full disk. */
export class SparedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #spare: Spare;

  constructor(file: DiskFile, spare: Spare) {
    this.#file = file;
    this.#spare = spare;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  append(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#spare(() => this.#file.append(chunks));
  }

  read(position: number, length: number, target?: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.#file.read(position, length, target);
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
