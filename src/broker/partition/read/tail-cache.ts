import { assert } from "../../../base/assert.ts";
import type { TailBlock } from "../../../log/tail-block.ts";

/** What a block costs beside its bytes. */
const overheadBytes = 256;
/** Blocks of small batches are between these sizes. */
const blockBytesMin = 1024;
const blockBytesMax = 256 * 1024;
/** So many of them fit, where partitions share the budget evenly. */
const blocksPerOwner = 4;

/** Holds blocks in the order of their offsets, oldest first. */
export interface TailOwner {
  /** Lets go of the oldest block, which has left the cache. */
  dropFirst(block: TailBlock): void;
}

/** A block in the cache. */
export class TailEntry {
  readonly owner: TailOwner;
  readonly block: TailBlock;
  readonly sizeBytes: number;
  /** A file of the log begins with it. */
  readonly isSegmentStart: boolean;
  /** Among the newest records of its partition, which go last. */
  isKept = true;
  older: TailEntry | undefined;
  newer: TailEntry | undefined;

  constructor(owner: TailOwner, block: TailBlock, isSegmentStart: boolean) {
    this.owner = owner;
    this.block = block;
    this.isSegmentStart = isSegmentStart;
    this.sizeBytes = block.backingBytes + overheadBytes;
  }
}

/**
 * The newest batches of all partitions of one data directory, at most so many bytes of memory
 * together: whoever reads what was just written needs no disk. The oldest block goes for the next;
 * one that holds some of the newest `tail.cache.records` of its partition only when all others are
 * gone. Every operation takes the same time however much is held.
 */
export class TailCache {
  readonly #bytesMax: number;
  #bytes = 0;
  readonly #kept = new EntryList();
  readonly #spare = new EntryList();
  /** Partitions of which something is held. */
  #ownerCount = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Memory that is held, what batches are views of included. */
  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** The largest block that leaves each partition a few: a power of two. */
  get blockBytesMax(): number {
    const share = this.#bytesMax / (blocksPerOwner * Math.max(1, this.#ownerCount));
    return 2 ** Math.floor(Math.log2(Math.min(blockBytesMax, Math.max(blockBytesMin, share))));
  }

  /** So much memory, not zeroed, for a block: that of one which goes for it where that fits. */
  takeRoom(sizeBytes: number): Uint8Array {
    let room: Uint8Array | undefined;
    while (this.#bytes + sizeBytes + overheadBytes > this.#bytesMax) {
      const gone = this.#dropOldest();
      if (gone === undefined) break;
      const { reusable } = gone;
      if (reusable?.length === sizeBytes) room = reusable;
    }
    return room ?? new Uint8Array(sizeBytes);
  }

  /** Takes a block in; `trim` is due once its owner knows of it. */
  add(owner: TailOwner, block: TailBlock, isSegmentStart: boolean): TailEntry {
    const entry = new TailEntry(owner, block, isSegmentStart);
    this.#bytes += entry.sizeBytes;
    this.#kept.push(entry);
    return entry;
  }

  /** A partition begins, or ends, to have something here. */
  countOwners(change: 1 | -1): void {
    this.#ownerCount += change;
  }

  /** The entry may go before those that are kept. */
  release(entry: TailEntry): void {
    assert(entry.isKept, "a block of the tail was released twice");
    this.#kept.remove(entry);
    entry.isKept = false;
    this.#spare.push(entry);
  }

  remove(entry: TailEntry): void {
    (entry.isKept ? this.#kept : this.#spare).remove(entry);
    this.#bytes -= entry.sizeBytes;
  }

  /** Lets the oldest go until the rest is within the bound. */
  trim(): void {
    while (this.#bytes > this.#bytesMax) {
      const gone = this.#dropOldest();
      assert(gone !== undefined, "an empty tail cache holds bytes");
    }
  }

  #dropOldest(): TailBlock | undefined {
    const oldest = this.#spare.oldest ?? this.#kept.oldest;
    if (oldest === undefined) return undefined;
    this.remove(oldest);
    oldest.owner.dropFirst(oldest.block);
    return oldest.block;
  }
}

/** Entries in the order they came. */
class EntryList {
  oldest: TailEntry | undefined;
  #newest: TailEntry | undefined;

  push(entry: TailEntry): void {
    entry.older = this.#newest;
    if (this.#newest === undefined) this.oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  remove(entry: TailEntry): void {
    const { older, newer } = entry;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    entry.older = undefined;
    entry.newer = undefined;
  }
}
