import { expect, test } from "vitest";
import { KeyHash } from "./key-hash.ts";

/** The first outputs of the reference implementation's vectors_sip128, for 0, 1 and 2 bytes. */
const vectors = [
  "a3817f04ba25a8e66df67214c7550293",
  "da87c1d86b99af44347659119b22fc45",
  "8177228da4a45dc7fca38bdef60affe4",
];

function hashOf(bytes: Uint8Array, seed: readonly [number, number, number, number]): string {
  const words = new Int32Array(4);
  new KeyHash(seed).hash(bytes, { from: 0, to: bytes.length }, words);
  return Buffer.from(words.buffer).toString("hex");
}

const referenceSeed = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c] as const;

test.each([...vectors.entries()])(
  "%i bytes hash as in the reference implementation",
  (size, hash) => {
    const input = Uint8Array.from({ length: size }, (_, index) => index);
    expect(hashOf(input, referenceSeed)).toBe(hash);
  },
);

test("every byte, the length and the seed count", () => {
  const input = Uint8Array.from({ length: 23 }, (_, index) => index);
  const seen = new Set([hashOf(input, referenceSeed), hashOf(input, [1, 2, 3, 4])]);
  for (let size = 0; size < 23; size += 1) seen.add(hashOf(input.subarray(0, size), referenceSeed));
  for (const at of input.keys()) {
    const changed = input.slice();
    changed[at] = 200;
    seen.add(hashOf(changed, referenceSeed));
  }
  expect(seen.size).toBe(2 + 23 + 23);
});
