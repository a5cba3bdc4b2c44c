import { assert } from "../base/assert.ts";

/** A run of a file's bytes, which begins at `position`. */
interface Chunk {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/**
 * The bytes of a file at one moment. Values: a change makes a new one, and versions of one file
 * share their chunks, so that an append costs what it adds.
 */
export class FileContent {
  static readonly empty = new FileContent([], 0, 0);
  /** Later versions may have added to it: only the first `#count` are of this one. */
  readonly #chunks: Chunk[];
  readonly #count: number;
  readonly sizeBytes: number;

  private constructor(chunks: Chunk[], count: number, sizeBytes: number) {
    this.#chunks = chunks;
    this.#count = count;
    this.sizeBytes = sizeBytes;
  }

  static of(bytes: Uint8Array): FileContent {
    return FileContent.empty.append([bytes]);
  }

  /** The chunks are kept, not copied. */
  append(chunks: readonly Uint8Array[]): FileContent {
    const isShared = this.#chunks.length !== this.#count || this === FileContent.empty;
    const all = isShared ? this.#chunks.slice(0, this.#count) : this.#chunks;
    let { sizeBytes } = this;
    for (const bytes of chunks) {
      if (bytes.length === 0) continue;
      all.push({ bytes, position: sizeBytes });
      sizeBytes += bytes.length;
    }
    return new FileContent(all, all.length, sizeBytes);
  }

  cut(sizeBytes: number): FileContent {
    assert(sizeBytes <= this.sizeBytes, "a file is not cut past its end");
    if (sizeBytes === this.sizeBytes) return this;
    if (sizeBytes === 0) return FileContent.empty;
    const last = this.#indexAt(sizeBytes - 1);
    const chunks = this.#chunks.slice(0, last);
    const { bytes, position } = this.#chunk(last);
    chunks.push({ bytes: bytes.subarray(0, sizeBytes - position), position });
    return new FileContent(chunks, chunks.length, sizeBytes);
  }

  /** With other bytes from `position` on, as many as `bytes` are. They may reach past the end. */
  overwrite(position: number, bytes: Uint8Array): FileContent {
    const rest = this.read(position + bytes.length, this.sizeBytes);
    return this.cut(position).append([bytes, rest]);
  }

  /** Fewer bytes at the end. Not to be changed. */
  read(position: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - position));
    if (wanted === 0) return new Uint8Array(0);
    let index = this.#indexAt(position);
    const first = this.#chunk(index);
    const start = position - first.position;
    if (start + wanted <= first.bytes.length) return first.bytes.subarray(start, start + wanted);
    const joined = new Uint8Array(wanted);
    for (let done = 0; done < wanted; index += 1) {
      const chunk = this.#chunk(index);
      const from = position + done - chunk.position;
      const part = chunk.bytes.subarray(from, from + wanted - done);
      joined.set(part, done);
      done += part.length;
    }
    return joined;
  }

  toBytes(): Uint8Array {
    return this.read(0, this.sizeBytes);
  }

  #chunk(index: number): Chunk {
    const chunk = this.#chunks[index];
    assert(chunk !== undefined && index < this.#count, "chunks cover the file");
    return chunk;
  }

  #indexAt(position: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunk(middle).position <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
