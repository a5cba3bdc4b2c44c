import { assert } from "../../../base/assert.ts";
import type { ReadLease } from "../partition-log.ts";

/** Smaller reads are not worth it, larger ones are rare. */
const bufferBytesMin = 64 * 1024;
const bufferBytesMax = 4 * 1024 * 1024;
/** Sizes are multiples of this, so that those that are alike are used for each other. */
const stepBytes = 128 * 1024;

/**
 * Memory that reads of the disk go to, used again once the answer has left: new memory for every
 * read costs the collector more than the read itself. At most so many bytes lie idle; what is in
 * use counts as the answers do. A buffer whose lease is never released is the collector's.
 */
export class ReadBuffers {
  readonly #idleBytesMax: number;
  #idleBytes = 0;
  /** Idle ones by size. */
  readonly #idle = new Map<number, Uint8Array[]>();
  readonly #lent = new WeakMap<ArrayBufferLike, Uint8Array>();

  /** 0: none is used twice. */
  constructor(idleBytesMax: number) {
    this.#idleBytesMax = idleBytesMax;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** What a buffer for a read of that length takes. */
  sizeFor(length: number): number {
    return Math.ceil(length / stepBytes) * stepBytes;
  }

  /** Room for a read of that length; undefined: the disk makes its own. */
  take(length: number): Uint8Array | undefined {
    if (this.#idleBytesMax === 0 || length < bufferBytesMin || length > bufferBytesMax) {
      return undefined;
    }
    const sizeBytes = this.sizeFor(length);
    const buffer = this.#idle.get(sizeBytes)?.pop();
    if (buffer !== undefined) this.#idleBytes -= sizeBytes;
    const taken = buffer ?? new Uint8Array(sizeBytes);
    this.#lent.set(taken.buffer, taken);
    return taken;
  }

  /** For whoever looks at `bytes`, if they lie in a buffer that was taken here. */
  lease(bytes: Uint8Array): ReadLease | undefined {
    const buffer = this.#lent.get(bytes.buffer);
    return buffer && new BufferLease(this, buffer);
  }

  /** Nobody looks at it any more. */
  giveBack(buffer: Uint8Array): void {
    assert(this.#lent.delete(buffer.buffer), "a read buffer was given back that was not taken");
    const sizeBytes = buffer.length;
    if (this.#idleBytes + sizeBytes > this.#idleBytesMax) return;
    const idle = this.#idle.get(sizeBytes);
    if (idle === undefined) this.#idle.set(sizeBytes, [buffer]);
    else idle.push(buffer);
    this.#idleBytes += sizeBytes;
  }
}

class BufferLease implements ReadLease {
  readonly #buffers: ReadBuffers;
  #buffer: Uint8Array | undefined;

  constructor(buffers: ReadBuffers, buffer: Uint8Array) {
    this.#buffers = buffers;
    this.#buffer = buffer;
  }

  /** Once only: by the second time the buffer may be another reader's. */
  release(): void {
    if (this.#buffer !== undefined) this.#buffers.giveBack(this.#buffer);
    this.#buffer = undefined;
  }
}
