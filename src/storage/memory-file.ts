import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { DiskFile } from "../broker/ports/disk.ts";
import type { MemoryBudget } from "./memory-budget.ts";

/** Chunks below this are gathered into blocks, so that small batches cost no object each. */
const gatheredBytesMax = 4 * 1024;
const blockBytesMin = 1024;
const blockBytesMax = 64 * 1024;

/** A run of a file's bytes: [position, position + filled) of the file. */
interface Block {
  readonly bytes: Uint8Array;
  readonly position: number;
  filled: number;
}

/**
 * The bytes of one file. Large chunks are kept as they came, small ones are copied into growing
 * blocks. Bytes once handed to a reader never change: a truncated block takes nothing more.
 */
export class MemoryFile {
  readonly #budget: MemoryBudget;
  readonly #clock: Clock;
  readonly #blocks: Block[] = [];
  #sizeBytes = 0;
  #handles = 0;
  #nameCount = 1;
  #sealed = false;
  modifiedMs: number;

  constructor(budget: MemoryBudget, clock: Clock) {
    this.#budget = budget;
    this.#clock = clock;
    this.modifiedMs = clock.nowMs();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  open(): DiskFile {
    this.#handles += 1;
    return new MemoryFileHandle(this);
  }

  closeHandle(): void {
    this.#handles -= 1;
    assert(this.#handles >= 0, "a memory file was closed more often than opened");
    this.#freeIfUnused();
  }

  /** One more name. */
  link(): void {
    this.#nameCount += 1;
  }

  unlink(): void {
    this.#nameCount -= 1;
    this.#freeIfUnused();
  }

  append(chunks: readonly Uint8Array[]): void {
    const sizeBefore = this.#sizeBytes;
    try {
      for (const chunk of chunks) this.#appendChunk(chunk);
    } catch (error) {
      this.truncate(sizeBefore);
      throw error;
    }
    this.modifiedMs = this.#clock.nowMs();
  }

  read(position: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.#sizeBytes - position));
    if (wanted === 0) return new Uint8Array(0);
    let index = this.#blockAt(position);
    const first = this.#blocks[index];
    assert(first !== undefined, "a position below the size lies in a block");
    const start = position - first.position;
    if (start + wanted <= first.filled) return first.bytes.subarray(start, start + wanted);
    const joined = new Uint8Array(wanted);
    for (let done = 0; done < wanted; index += 1) {
      const block = this.#blocks[index];
      assert(block !== undefined, "blocks cover the file");
      const from = position + done - block.position;
      const part = block.bytes.subarray(from, Math.min(block.filled, from + wanted - done));
      joined.set(part, done);
      done += part.length;
    }
    return joined;
  }

  truncate(sizeBytes: number): void {
    assert(sizeBytes <= this.#sizeBytes, "truncating a memory file past its end");
    for (let last = this.#blocks.at(-1); last !== undefined; last = this.#blocks.at(-1)) {
      if (last.position < sizeBytes) {
        last.filled = Math.min(last.filled, sizeBytes - last.position);
        break;
      }
      this.#budget.giveBack(last.bytes.length);
      this.#blocks.pop();
    }
    this.#sizeBytes = sizeBytes;
    this.#sealed = true;
  }

  #appendChunk(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (chunk.length >= gatheredBytesMax) this.#keep(chunk);
    else this.#gather(chunk);
    this.#sizeBytes += chunk.length;
  }

  #keep(chunk: Uint8Array): void {
    this.#budget.take(chunk.length);
    // A view of a much larger buffer would pin it and make the budget a lie.
    const pins = chunk.length * 2 < chunk.buffer.byteLength;
    const bytes = pins ? new Uint8Array(chunk) : chunk;
    this.#blocks.push({ bytes, position: this.#sizeBytes, filled: bytes.length });
    this.#sealed = true;
  }

  #gather(chunk: Uint8Array): void {
    let last = this.#sealed ? undefined : this.#blocks.at(-1);
    if (last === undefined || last.filled + chunk.length > last.bytes.length) {
      const doubled = Math.min(blockBytesMax, Math.max(blockBytesMin, this.#sizeBytes));
      const capacity = Math.max(doubled, chunk.length);
      this.#budget.take(capacity);
      last = { bytes: new Uint8Array(capacity), position: this.#sizeBytes, filled: 0 };
      this.#blocks.push(last);
      this.#sealed = false;
    }
    last.bytes.set(chunk, last.filled);
    last.filled += chunk.length;
  }

  #blockAt(position: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#blocks[middle]?.position ?? Infinity) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #freeIfUnused(): void {
    if (this.#nameCount > 0 || this.#handles > 0) return;
    if (this.#sizeBytes > 0 || this.#blocks.length > 0) this.truncate(0);
  }
}

class MemoryFileHandle implements DiskFile {
  readonly #file: MemoryFile;
  #closed = false;

  constructor(file: MemoryFile) {
    this.#file = file;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  append(chunks: readonly Uint8Array[]): void {
    assert(!this.#closed, "a closed file is not appended to");
    this.#file.append(chunks);
  }

  read(position: number, length: number): Uint8Array {
    assert(!this.#closed, "a closed file is not read");
    return this.#file.read(position, length);
  }

  async truncate(sizeBytes: number): Promise<void> {
    assert(!this.#closed, "a closed file is not truncated");
    this.#file.truncate(sizeBytes);
  }

  async sync(): Promise<void> {
    assert(!this.#closed, "a closed file is not synced");
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.closeHandle();
  }
}
