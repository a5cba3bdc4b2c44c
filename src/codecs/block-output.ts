import { MalformedError } from "../base/errors.ts";

/** What a portable decompressor writes: a buffer of the size that was announced, and no more. */
export class BlockOutput {
  readonly bytes: Uint8Array;
  #position = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  get position(): number {
    return this.#position;
  }

  literals(run: Uint8Array): void {
    this.#claim(run.length);
    this.bytes.set(run, this.#position);
    this.#position += run.length;
  }

  /** Repeats `length` bytes from `distance` back; a copy may reach into what it writes. */
  copy(distance: number, length: number): void {
    const from = this.#position - distance;
    if (distance === 0 || from < 0) throw new MalformedError(`a copy from ${from}`);
    this.#claim(length);
    if (distance >= length) {
      this.bytes.copyWithin(this.#position, from, from + length);
    } else {
      for (let at = 0; at < length; at++) {
        this.bytes[this.#position + at] = this.bytes[from + at] as number;
      }
    }
    this.#position += length;
  }

  #claim(length: number): void {
    if (length > this.bytes.length - this.#position) {
      throw new MalformedError(`more than the ${this.bytes.length} bytes announced`);
    }
  }
}
