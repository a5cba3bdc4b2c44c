import * as fc from "fast-check";
import * as lz4Library from "lz4-napi";
import * as snappyLibrary from "snappy";
import { describe, expect, test } from "vitest";
import { MalformedError } from "../base/errors.ts";
import { checkLz4Frame } from "../protocol/lz4-frame.ts";
import { snappySizeBytes } from "../protocol/snappy-frame.ts";
import { compressLz4Frame, decompressLz4Frame } from "./portable-lz4.ts";
import { compressSnappyBlock, decompressSnappyBlock } from "./portable-snappy.ts";

interface Form {
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly decompress: (bytes: Uint8Array) => Uint8Array;
}

const portable: Readonly<Record<"snappy" | "lz4", Form>> = {
  snappy: { compress: compressSnappyBlock, decompress: decompressSnappyBlock },
  lz4: { compress: compressLz4Frame, decompress: decompressLz4Frame },
};
const native: Readonly<Record<"snappy" | "lz4", Form>> = {
  snappy: {
    compress: (bytes) => snappyLibrary.compressSync(bytes),
    decompress: (bytes) => snappyLibrary.uncompressSync(bytes, { asBuffer: true }) as Uint8Array,
  },
  lz4: {
    compress: (bytes) => lz4Library.compressFrameSync(Buffer.from(bytes)),
    decompress: (bytes) => lz4Library.decompressFrameSync(Buffer.from(bytes)),
  },
};

/** Runs, repetitions at many distances, and noise between them. */
const input = fc
  .array(
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 })),
    {
      maxLength: 12,
    },
  )
  .map((parts) => Buffer.concat(parts.flatMap(([bytes, times]) => Array(times).fill(bytes))));

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

describe.each(["snappy", "lz4"] as const)("portable %s", (codec) => {
  test("is read by the native form, and reads it", () => {
    fc.assert(
      fc.property(input, (bytes) => {
        expect(isSame(native[codec].decompress(portable[codec].compress(bytes)), bytes)).toBe(true);
        expect(isSame(portable[codec].decompress(native[codec].compress(bytes)), bytes)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test.each([0, 1, 12, 13, 60, 61, 256, 257, 65_535, 65_536, 65_537, 300_000])(
    "%i bytes of noise and of zeros come back",
    (sizeBytes) => {
      const [noise = new Uint8Array()] = fc.sample(
        fc.uint8Array({ minLength: sizeBytes, maxLength: sizeBytes }),
        { numRuns: 1, seed: 3 },
      );
      for (const bytes of [noise, new Uint8Array(sizeBytes)]) {
        expect(isSame(native[codec].decompress(portable[codec].compress(bytes)), bytes)).toBe(true);
      }
    },
  );

  test("repetition becomes smaller", () => {
    const bytes = Buffer.from("the same sentence again, ".repeat(1000));
    expect(portable[codec].compress(bytes).length).toBeLessThan(bytes.length / 10);
  });

  test("cut, changed and random bytes are refused or read, never past their bound", () => {
    const packed = portable[codec].compress(Buffer.from("abcdefgh abcdefgh abcdefg ".repeat(20)));
    for (let at = 0; at < packed.length; at++) {
      const changed = packed.slice();
      changed[at] = (changed[at] as number) ^ 0x55;
      expect(isReadOrRefused(codec, changed)).toBe(true);
      expect(isReadOrRefused(codec, packed.subarray(0, at))).toBe(true);
    }
    fc.assert(fc.property(fc.uint8Array(), (noise) => isReadOrRefused(codec, noise)));
  });
});

function isReadOrRefused(codec: "snappy" | "lz4", bytes: Uint8Array): boolean {
  try {
    if (codec === "lz4") checkLz4Frame(bytes, 100_000);
    else snappySizeBytes(bytes);
    return portable[codec].decompress(bytes).length <= 100_000;
  } catch (error) {
    return error instanceof MalformedError;
  }
}

test("an LZ4 frame with block checksums is read, and refused when one is wrong", () => {
  const text = Buffer.from("checked ".repeat(50));
  const frame = lz4Library.compressFrameSync(text, { blockChecksums: true });
  expect(isSame(decompressLz4Frame(frame), text)).toBe(true);
  frame[12] = (frame[12] as number) ^ 1;
  expect(() => decompressLz4Frame(frame)).toThrow(MalformedError);
});
