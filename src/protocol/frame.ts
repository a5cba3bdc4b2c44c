import { readInt32 } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";

const prefixBytes = 4;

/**
 * What a frame that arrives in pieces gets at first, and by how much its buffer grows: a frame up
 * to a mebibyte, which is what producers send, is moved once at the most.
 */
const pieceBytes = 64 * 1024;
const growthFactor = 16;

/**
 * Cuts a stream of bytes into frames: an int32 size and that many bytes (records.md). A frame that
 * lies whole in one chunk is a view of it; the bytes of any other are copied into a buffer that
 * grows as they arrive, so that a size alone costs nothing. Once it has thrown it stays broken.
 */
export class FrameAssembler {
  readonly #sizeBytesMax: number;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixFilled = 0;
  /** Size of the frame that is under way; -1 while its prefix is. */
  #sizeBytes = -1;
  #body = new Uint8Array(0);
  #bodyFilled = 0;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** Bytes of an unfinished frame that are held here, its prefix included. */
  get pendingBytes(): number {
    return this.#prefixFilled + this.#bodyFilled;
  }

  /**
   * The frames, without their size prefix, that `chunk` completes. Throws MalformedError on a size
   * that is negative or above the bound.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#sizeBytes < 0) at = this.#readPrefix(chunk, at);
      if (this.#sizeBytes < 0) break;
      at = this.#readBody(chunk, at, frames);
    }
    return frames;
  }

  #readPrefix(chunk: Uint8Array, from: number): number {
    let at = from;
    while (this.#prefixFilled < prefixBytes && at < chunk.length) {
      this.#prefix[this.#prefixFilled++] = chunk[at++] as number;
    }
    if (this.#prefixFilled < prefixBytes) return at;
    const sizeBytes = readInt32(this.#prefix, 0);
    if (sizeBytes < 0 || sizeBytes > this.#sizeBytesMax) {
      throw new MalformedError(
        `frame of ${sizeBytes} bytes, at most ${this.#sizeBytesMax} allowed`,
      );
    }
    this.#sizeBytes = sizeBytes;
    return at;
  }

  #readBody(chunk: Uint8Array, at: number, frames: Uint8Array[]): number {
    const wanted = this.#sizeBytes - this.#bodyFilled;
    const available = chunk.length - at;
    if (this.#bodyFilled === 0 && available >= wanted) {
      frames.push(chunk.subarray(at, at + wanted));
      this.#startOver();
      return at + wanted;
    }
    const taken = Math.min(wanted, available);
    this.#makeRoom(this.#bodyFilled + taken);
    this.#body.set(chunk.subarray(at, at + taken), this.#bodyFilled);
    this.#bodyFilled += taken;
    if (taken === wanted) {
      frames.push(this.#body);
      this.#startOver();
    }
    return at + taken;
  }

  #makeRoom(bytesMin: number): void {
    if (bytesMin <= this.#body.length) return;
    const grown = Math.max(pieceBytes, bytesMin, this.#body.length * growthFactor);
    const larger = new Uint8Array(Math.min(this.#sizeBytes, grown));
    larger.set(this.#body.subarray(0, this.#bodyFilled));
    this.#body = larger;
  }

  #startOver(): void {
    this.#prefixFilled = 0;
    this.#sizeBytes = -1;
    this.#body = new Uint8Array(0);
    this.#bodyFilled = 0;
  }
}
