import { assert } from "../../../base/assert.ts";
import { TailBlock } from "../../../log/tail-block.ts";
import type { ReadLease, ReadOptions, ReadResult } from "../partition-log.ts";
import type { TailCache, TailEntry, TailOwner } from "./tail-cache.ts";

/**
 * Smaller batches are copied into blocks: their memory is used again and again, and the buffers
 * that they came in are freed at once. Kept buffers would be old before they are freed, which costs
 * the collector more than the copy. Above that a batch's own buffer is kept.
 */
const gatheredBytesMax = 64 * 1024;
const blockBytesMin = 1024;

interface OffsetRange {
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/**
 * The newest batches of one partition, without a gap up to the last one written: `TailCache` says
 * how many. They were checked when they were appended, and are what the file holds, so that they
 * are served without a look at the disk. What compaction has rewritten is let go of: the aborted
 * records that it took out must not come back to readers whom no index tells of them any more.
 */
export class PartitionTail implements TailOwner {
  readonly #cache: TailCache;
  #recordsMin: number;
  /** Oldest first; those before `#first` are gone. */
  #entries: TailEntry[] = [];
  #first = 0;
  /** From here on they hold some of the newest `recordsMin` records. */
  #keptFrom = 0;
  /** Takes the next small batches. */
  #filling: TailBlock | undefined;
  #gatheredBytes = 0;

  constructor(cache: TailCache, recordsMin: number) {
    this.#cache = cache;
    this.#recordsMin = recordsMin;
  }

  /** Newest records that go last; counts from the next append on. */
  configure(recordsMin: number): void {
    this.#recordsMin = recordsMin;
  }

  /**
   * Takes a batch that is written, `isSegmentStart` the first one of its file. Its bytes are given
   * away and never change from here on; they may be a view of a larger buffer.
   */
  add(bytes: Uint8Array, offsets: OffsetRange, isSegmentStart: boolean): void {
    if (bytes.length > this.#cache.bytesMax) return this.clear();
    const endOffset = this.#newest?.endOffset ?? offsets.baseOffset;
    assert(endOffset === offsets.baseOffset, "the tail of a log has a gap");
    if (isSegmentStart) this.#filling = undefined;
    const block = this.#blockFor(bytes, offsets.baseOffset);
    block.add(bytes, offsets.lastOffset + 1);
    if (block !== this.#newest) this.#push(block, isSegmentStart);
    this.#releaseOld(offsets.lastOffset + 1 - this.#recordsMin);
    this.#cache.trim();
  }

  /**
   * As PartitionLog.read, for an `offset` below `upTo`. Undefined: it is not here, or not any more.
   */
  read(offset: number, options: ReadOptions): ReadResult | undefined {
    let at = this.#find(offset);
    let block = this.#entries[at]?.block;
    if (block === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    const lease = new TailLease();
    let sizeBytes = 0;
    let first = block.indexOf(offset);
    const { upTo, wholeFirst } = options;
    while (block !== undefined) {
      const room = { upTo, sizeBytesMax: options.sizeBytesMax - sizeBytes };
      let end = block.lastWithin(first, room);
      const isWanted = wholeFirst && chunks.length === 0 && block.endOffsetOf(first) <= upTo;
      if (end === first && isWanted) end += 1;
      if (end === first) break;
      const chunk = block.slice(first, end);
      chunks.push(chunk);
      lease.add(block);
      sizeBytes += chunk.length;
      if (end < block.batchCount) break;
      at += 1;
      first = 0;
      block = this.#goesOnAt(at, upTo) ? this.#entries[at]?.block : undefined;
    }
    return { chunks, sizeBytes, lease };
  }

  /** Lets go of what lies wholly below `offset`. */
  dropBelow(offset: number): void {
    for (let first = this.#oldest; first !== undefined; first = this.#oldest) {
      if (first.block.endOffset > offset) return;
      this.#cache.remove(first);
      this.dropFirst(first.block);
    }
  }

  clear(): void {
    this.dropBelow(Infinity);
  }

  dropFirst(block: TailBlock): void {
    assert(this.#oldest?.block === block, "the tail of a log loses its oldest batches first");
    this.#first += 1;
    if (this.#first === this.#entries.length) this.#cache.countOwners(-1);
    this.#keptFrom = Math.max(this.#keptFrom, this.#first);
    if (this.#filling === block) this.#filling = undefined;
    if (this.#first * 2 > this.#entries.length) this.#compact();
  }

  #push(block: TailBlock, isSegmentStart: boolean): void {
    if (this.#entries.length === this.#first) this.#cache.countOwners(1);
    this.#entries.push(this.#cache.add(this, block, isSegmentStart));
  }

  /** Undefined when nothing is here. */
  get #newest(): TailBlock | undefined {
    return this.#entries.length > this.#first ? this.#entries.at(-1)?.block : undefined;
  }

  get #oldest(): TailEntry | undefined {
    return this.#entries[this.#first];
  }

  /** A block with room for a batch: the newest one, or one to put behind it. */
  #blockFor(bytes: Uint8Array, baseOffset: number): TailBlock {
    if (bytes.length >= gatheredBytesMax) {
      this.#filling = undefined;
      // A view of a much larger buffer would keep all of that from being freed.
      const isPinning = bytes.length * 2 < bytes.buffer.byteLength;
      return new TailBlock(isPinning ? new Uint8Array(bytes.length) : bytes, baseOffset, false);
    }
    if (this.#filling !== undefined && this.#filling.roomBytes >= bytes.length) {
      return this.#filling;
    }
    // What goes for it may be of this partition.
    const room = this.#cache.takeRoom(this.#nextRoomBytes(bytes.length));
    this.#filling = new TailBlock(room, baseOffset, true);
    return this.#filling;
  }

  /** A partition that is seldom written to takes little. */
  #nextRoomBytes(sizeBytesMin: number): number {
    const most = this.#cache.blockBytesMax;
    const doubled = Math.min(most, Math.max(blockBytesMin, this.#gatheredBytes));
    this.#gatheredBytes = Math.min(most, this.#gatheredBytes + doubled);
    // Sizes that are alike come again.
    return Math.max(Math.ceil(sizeBytesMin / blockBytesMin) * blockBytesMin, doubled);
  }

  /** All but the newest records may go before those of others. */
  #releaseOld(keptFromOffset: number): void {
    for (let at = this.#keptFrom; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at] as TailEntry;
      if (entry.block.endOffset > keptFromOffset) return;
      this.#cache.release(entry);
      this.#keptFrom = at + 1;
    }
  }

  /** Index of the entry that holds `offset`; -1 when none does. */
  #find(offset: number): number {
    if (offset < (this.#oldest?.block.baseOffset ?? Infinity)) return -1;
    if (offset >= (this.#newest?.endOffset ?? 0)) return -1;
    let low = this.#first;
    let high = this.#entries.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#entries[middle] as TailEntry).block.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Whether a read goes on with that entry: it ends where its segment does. */
  #goesOnAt(at: number, upTo: number): boolean {
    const entry = this.#entries[at];
    return entry !== undefined && !entry.isSegmentStart && entry.block.baseOffset < upTo;
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#first);
    this.#keptFrom -= this.#first;
    this.#first = 0;
  }
}

/** The blocks that a read was given views of. */
class TailLease implements ReadLease {
  #blocks: TailBlock[] = [];

  add(block: TailBlock): void {
    block.lease();
    this.#blocks.push(block);
  }

  release(): void {
    for (const block of this.#blocks) block.release();
    this.#blocks = [];
  }
}
