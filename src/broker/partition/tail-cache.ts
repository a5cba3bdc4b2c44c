import { assert } from "../../base/assert.ts";
import type { TailBlock } from "../../log/tail-block.ts";

/** What a block costs beside its bytes. */
const overheadBytes = 256;

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

  /** Takes a block in; `trim` is due once its owner knows of it. */
  add(owner: TailOwner, block: TailBlock, isSegmentStart: boolean): TailEntry {
    const entry = new TailEntry(owner, block, isSegmentStart);
    this.#bytes += entry.sizeBytes;
    this.#kept.push(entry);
    return entry;
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
      const oldest = this.#spare.oldest ?? this.#kept.oldest;
      assert(oldest !== undefined, "an empty tail cache holds bytes");
      this.remove(oldest);
      oldest.owner.dropFirst(oldest.block);
    }
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
