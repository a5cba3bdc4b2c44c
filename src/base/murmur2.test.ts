import { expect, test } from "vitest";
import { murmur2, partitionOfKey } from "./murmur2.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["21", -973_932_308],
  ["foobar", -790_332_482],
  ["a-little-bit-long-string", -985_981_536],
  ["a-little-bit-longer-string", -1_486_304_829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971],
  ["abc", 479_470_107],
])("the hash of %s is Kafka's", (text, hash) => expect(murmur2(bytes(text))).toBe(hash));

test("a key's partition is never negative", () => {
  expect(partitionOfKey(bytes("21"), 3)).toBe((-973_932_308 & 0x7fffffff) % 3);
});
