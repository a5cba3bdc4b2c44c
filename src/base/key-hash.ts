/** Four 32-bit words: 128 bits of chance, or of a hash. */
export type Words128 = readonly [number, number, number, number];

/** A run of bytes: [from, to). */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein; the vectors of their reference
 * implementation hold). Who does not know the seed can not make two inputs that hash alike.
 */
export class KeyHash {
  readonly #seed: Words128;
  /** v0 to v3, low word first. */
  readonly #state = new Int32Array(8);

  /** The 16-byte key as little-endian words. */
  constructor(seed: Words128) {
    this.#seed = seed;
  }

  /** Puts the hash of a part of `bytes` into the first four words of `target`. */
  hash(bytes: Uint8Array, { from, to }: ByteRange, target: Int32Array): void {
    this.#start();
    const tail = to - ((to - from) & 7);
    for (let at = from; at < tail; at += 8) {
      this.#take(wordAt(bytes, at, at + 4), wordAt(bytes, at + 4, at + 8));
    }
    const high = wordAt(bytes, tail + 4, to) | ((to - from) << 24);
    this.#take(wordAt(bytes, tail, Math.min(to, tail + 4)), high);
    this.#finish({ mark: 0xee, on: 4 }, target, 0);
    this.#finish({ mark: 0xdd, on: 2 }, target, 2);
  }

  #start(): void {
    const v = this.#state;
    const [k0, k1, k2, k3] = this.#seed;
    v[0] = 0x70736575 ^ k0;
    v[1] = 0x736f6d65 ^ k1;
    v[2] = 0x6e646f6d ^ 0xee ^ k2;
    v[3] = 0x646f7261 ^ k3;
    v[4] = 0x6e657261 ^ k0;
    v[5] = 0x6c796765 ^ k1;
    v[6] = 0x79746573 ^ k2;
    v[7] = 0x74656462 ^ k3;
  }

  #take(low: number, high: number): void {
    const v = this.#state;
    v[6] = (v[6] as number) ^ low;
    v[7] = (v[7] as number) ^ high;
    round(v);
    round(v);
    v[0] = (v[0] as number) ^ low;
    v[1] = (v[1] as number) ^ high;
  }

  #finish(step: { mark: number; on: number }, target: Int32Array, at: number): void {
    const v = this.#state;
    v[step.on] = (v[step.on] as number) ^ step.mark;
    for (let count = 0; count < 4; count += 1) round(v);
    target[at] = (v[0] as number) ^ (v[2] as number) ^ (v[4] as number) ^ (v[6] as number);
    target[at + 1] = (v[1] as number) ^ (v[3] as number) ^ (v[5] as number) ^ (v[7] as number);
  }
}

/** The bytes [at, to), at most four, as a little-endian number. */
function wordAt(bytes: Uint8Array, at: number, to: number): number {
  let word = 0;
  for (let index = to - 1; index >= at; index -= 1) word = (word << 8) | (bytes[index] as number);
  return word;
}

/** One SipRound on 64-bit numbers in halves. */
function round(v: Int32Array): void {
  add(v, 0, 2);
  turn(v, 2, 13);
  mix(v, 2, 0);
  swap(v, 0);
  add(v, 4, 6);
  turn(v, 6, 16);
  mix(v, 6, 4);
  add(v, 0, 6);
  turn(v, 6, 21);
  mix(v, 6, 0);
  add(v, 4, 2);
  turn(v, 2, 17);
  mix(v, 2, 4);
  swap(v, 4);
}

function add(v: Int32Array, to: number, from: number): void {
  const low = ((v[to] as number) >>> 0) + ((v[from] as number) >>> 0);
  const carry = low >= 0x1_0000_0000 ? 1 : 0;
  v[to] = low | 0;
  v[to + 1] = (v[to + 1] as number) + (v[from + 1] as number) + carry;
}

/** To the left by 1 to 31 bits. */
function turn(v: Int32Array, at: number, bits: number): void {
  const low = v[at] as number;
  const high = v[at + 1] as number;
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

function mix(v: Int32Array, to: number, from: number): void {
  v[to] = (v[to] as number) ^ (v[from] as number);
  v[to + 1] = (v[to + 1] as number) ^ (v[from + 1] as number);
}

function swap(v: Int32Array, at: number): void {
  const low = v[at] as number;
  v[at] = v[at + 1] as number;
  v[at + 1] = low;
}
