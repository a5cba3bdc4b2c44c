const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

const stripeBytes = 16;

/** xxHash32 with seed 0: the checksums of LZ4 frames. */
export function xxhash32(bytes: Uint8Array): number {
  let at = 0;
  let hash = prime5;
  if (bytes.length >= stripeBytes) {
    const lanes = [prime1 + prime2, prime2, 0, -prime1];
    for (; at + stripeBytes <= bytes.length; at += stripeBytes) {
      for (let lane = 0; lane < 4; lane++) {
        const input = Math.imul(word(bytes, at + 4 * lane), prime2);
        lanes[lane] = Math.imul(rotate((lanes[lane] as number) + input, 13), prime1);
      }
    }
    const [one, two, three, four] = lanes as [number, number, number, number];
    hash = rotate(one, 1) + rotate(two, 7) + rotate(three, 12) + rotate(four, 18);
  }
  return finish(bytes, at, hash + bytes.length);
}

function finish(bytes: Uint8Array, from: number, start: number): number {
  let hash = start;
  let at = from;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(word(bytes, at), prime3), 17), prime4);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotate(hash + Math.imul(bytes[at] as number, prime5), 11), prime1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function word(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}
