const multiplier = 0x5bd1e995;
const seed = 0x9747b28c;

/**
 * The hash by which Kafka's clients spread keys over partitions (MurmurHash2, 32 bits, signed).
 * Every client of a keyed topic must agree on it, so it never changes.
 */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = seed ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(hash, multiplier) ^ scramble(littleEndian(bytes, at));
  }
  const rest = length - at;
  if (rest >= 3) hash ^= (bytes[at + 2] as number) << 16;
  if (rest >= 2) hash ^= (bytes[at + 1] as number) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[at] as number), multiplier);
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

/** The partition of a key among `count`, as Kafka's own producer picks it. */
export function partitionOfKey(key: Uint8Array, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, multiplier);
  return Math.imul(mixed ^ (mixed >>> 24), multiplier);
}

function littleEndian(bytes: Uint8Array, at: number): number {
  const [one = 0, two = 0, three = 0, four = 0] = [
    bytes[at],
    bytes[at + 1],
    bytes[at + 2],
    bytes[at + 3],
  ];
  return one | (two << 8) | (three << 16) | (four << 24);
}
