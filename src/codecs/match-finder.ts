/** A run of literals and, unless its length is 0, the copy that follows it. */
export interface Sequence {
  readonly literalsFrom: number;
  readonly literalsTo: number;
  readonly distance: number;
  readonly length: number;
}

export interface MatchLimits {
  /** No copy begins within this many bytes of the end. */
  readonly tailBytes: number;
  /** No copy reaches into this many bytes at the end. */
  readonly literalTailBytes: number;
}

const hashBits = 14;
const matchBytesMin = 4;
/** Both formats write distances in two bytes. */
const distanceMax = 65_535;

/**
 * Cuts a block into literals and copies of what came before it, taking the first match that a table
 * of the last positions gives. The portable compressors differ only in how they write that down.
 */
export function* findSequences(input: Uint8Array, limits: MatchLimits): Generator<Sequence, void> {
  const lastPositions = new Int32Array(2 ** hashBits).fill(-1);
  const matchEnd = input.length - limits.literalTailBytes;
  let literalsFrom = 0;
  let at = 0;
  while (at < input.length - limits.tailBytes) {
    const four = readFour(input, at);
    const slot = Math.imul(four, 0x9e3779b1) >>> (32 - hashBits);
    const candidate = lastPositions[slot] as number;
    lastPositions[slot] = at;
    const distance = at - candidate;
    if (candidate < 0 || distance > distanceMax || readFour(input, candidate) !== four) {
      at++;
      continue;
    }
    const length = matchLength(input, { candidate, at, end: matchEnd });
    yield { literalsFrom, literalsTo: at, distance, length };
    at += length;
    literalsFrom = at;
  }
  if (literalsFrom < input.length) {
    yield { literalsFrom, literalsTo: input.length, distance: 0, length: 0 };
  }
}

function matchLength(
  input: Uint8Array,
  { candidate, at, end }: { candidate: number; at: number; end: number },
): number {
  let length = matchBytesMin;
  while (at + length < end && input[candidate + length] === input[at + length]) length++;
  return length;
}

function readFour(input: Uint8Array, at: number): number {
  const low = (input[at] as number) | ((input[at + 1] as number) << 8);
  return low | ((input[at + 2] as number) << 16) | ((input[at + 3] as number) << 24);
}
