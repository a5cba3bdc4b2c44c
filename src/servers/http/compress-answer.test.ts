import { expect, test } from "vitest";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { chooseCoding, compress } from "./compress-answer.ts";

test.each([
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["deflate, compress", undefined],
  ["gzip", "gzip"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["GZIP;q=1, br;q=0.5", "gzip"],
  ["*", "zstd"],
  ["zstd;q=0, *;q=0.5", "br"],
  ["gzip;q=0", undefined],
  ["gzip;q=nonsense", undefined],
])("Accept-Encoding %j gets %s", (accept, coding) => {
  expect(chooseCoding(accept)).toBe(coding);
});

test("every coding decompresses to what went in", async () => {
  const text = "grow ".repeat(1_000);
  const undo = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
  for (const [coding, decompress] of Object.entries(undo)) {
    const coded = await compress(text, coding);
    expect(coded.length).toBeLessThan(500);
    expect(decompress(coded).toString()).toBe(text);
  }
});
