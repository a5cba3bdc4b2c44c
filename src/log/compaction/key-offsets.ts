import { type ByteRange, KeyHash, type Words128 } from "../../base/key-hash.ts";

/** Four words of hash and an offset. */
const slotBytes = 24;
/** A table this small is never the one that is full. */
const slotsMin = 64;

export interface KeyOffsetsOptions {
  /** Memory of the table. */
  readonly sizeBytesMax: number;
  /** Share of the slots that may be taken. */
  readonly loadFactor: number;
  /** More keys than this never come: the table need not be larger. */
  readonly keyCountMax: number;
  readonly seed: Words128;
}

/**
 * The last offset of each key in the dirty part of a log (semantics.md 13), in memory that is
 * bounded and taken once. Keys are told apart by 128 bits of a seeded hash.
 */
export class KeyOffsets {
  /** The dirty part is known up to here, this offset included; -1: nothing is. */
  latestOffset = -1;
  readonly #hash: KeyHash;
  readonly #hashed = new Int32Array(4);
  readonly #slots: Int32Array;
  /** By slot; 0 free, else the offset and 1. */
  readonly #offsets: Float64Array;
  readonly #countMax: number;
  #count = 0;

  constructor(options: KeyOffsetsOptions) {
    const { sizeBytesMax, loadFactor, keyCountMax } = options;
    const wanted = Math.max(slotsMin, Math.ceil((keyCountMax + 1) / loadFactor));
    const slotCount = Math.max(1, Math.min(Math.floor(sizeBytesMax / slotBytes), wanted));
    this.#hash = new KeyHash(options.seed);
    this.#slots = new Int32Array(slotCount * 4);
    this.#offsets = new Float64Array(slotCount);
    this.#countMax = Math.min(slotCount - 1, Math.floor(slotCount * loadFactor));
  }

  get count(): number {
    return this.#count;
  }

  /** Notes that the key, a part of `bytes`, has a record at `offset`; false: no room for it. */
  put(bytes: Uint8Array, key: ByteRange, offset: number): boolean {
    const slot = this.#findSlot(bytes, key);
    const isNew = this.#offsets[slot] === 0;
    if (isNew && this.#count >= this.#countMax) return false;
    if (isNew) {
      this.#slots.set(this.#hashed, slot * 4);
      this.#count += 1;
    }
    this.#offsets[slot] = offset + 1;
    return true;
  }

  /** -1 when the key has no record in the dirty part, as far as that is known. */
  find(bytes: Uint8Array, key: ByteRange): number {
    return (this.#offsets[this.#findSlot(bytes, key)] as number) - 1;
  }

  /** The key's slot, or the free one where it belongs. Some slot is always free. */
  #findSlot(bytes: Uint8Array, key: ByteRange): number {
    this.#hash.hash(bytes, key, this.#hashed);
    const slots = this.#slots;
    const slotCount = this.#offsets.length;
    const hashed = this.#hashed;
    let slot = ((hashed[0] as number) >>> 0) % slotCount;
    for (; this.#offsets[slot] !== 0; slot = slot + 1 === slotCount ? 0 : slot + 1) {
      const at = slot * 4;
      const isHalf = slots[at] === hashed[0] && slots[at + 1] === hashed[1];
      if (isHalf && slots[at + 2] === hashed[2] && slots[at + 3] === hashed[3]) return slot;
    }
    return slot;
  }
}
