import * as zlib from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedError, XylemError } from "../base/errors.ts";
import { type Codec, codecs } from "../protocol/compression.ts";
import { headerChecksum, mendLz4Frame } from "../protocol/lz4-frame.ts";
import { compression } from "./node-compression.ts";

const sizeBytesMax = 4 * 2 ** 20;
const compressing = codecs.filter((codec) => codec !== "none");

const roundTrip = (codec: Codec, bytes: Uint8Array): Uint8Array =>
  compression.decompress(codec, compression.compress(codec, bytes), sizeBytesMax);

/** Text that compresses, of any size. */
function prose(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => 97 + ((at * at) % 13) + ((at >> 9) & 7));
}

function isOpenedOrRefused(codec: Codec, bytes: Uint8Array): boolean {
  try {
    return compression.decompress(codec, bytes, sizeBytesMax).length <= sizeBytesMax;
  } catch (error) {
    return error instanceof MalformedError || error instanceof XylemError;
  }
}

describe.each(codecs)("%s", (codec) => {
  test("any bytes come back", () => {
    const repeated = fc.tuple(fc.uint8Array({ minLength: 1 }), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(repeated, ([bytes, times]) => {
        const input = Buffer.concat(Array.from({ length: times }, () => bytes));
        expect(Buffer.compare(roundTrip(codec, input), input)).toBe(0);
      }),
    );
  });

  test.each([32_767, 32_768, 65_536, 65_537, 3_000_000])("%i bytes come back", (sizeBytes) => {
    const input = prose(sizeBytes);
    expect(Buffer.compare(roundTrip(codec, input), input)).toBe(0);
  });

  test("exactly the bound is allowed, one byte more is not", () => {
    const packed = compression.compress(codec, prose(100_000));
    expect(compression.decompress(codec, packed, 100_000).length).toBe(100_000);
    expect(() => compression.decompress(codec, packed, 99_999)).toThrow(XylemError);
  });
});

describe.each(compressing)("hostile %s", (codec) => {
  test("a bomb is refused before memory is taken for it", () => {
    const bomb = compression.compress(codec, new Uint8Array(64 * 2 ** 20));
    const before = process.memoryUsage().arrayBuffers;
    const opened = (): unknown => compression.decompress(codec, bomb, sizeBytesMax);
    expect(opened).toThrow(expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
  });

  test("a cut at any byte is refused, but where a raw block ends", () => {
    const packed = compression.compress(codec, prose(3000));
    for (let end = 0; end < packed.length; end++) {
      if (codec === "snappy" && end === 16) continue;
      const cut = (): unknown =>
        compression.decompress(codec, packed.subarray(0, end), sizeBytesMax);
      expect(cut).toThrow(MalformedError);
    }
  });

  test("random bytes are refused as no data of the codec", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        expect(isOpenedOrRefused(codec, noise)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("one changed byte of the content never crashes", () => {
    const packed = compression.compress(codec, prose(2000));
    for (let at = 0; at < packed.length; at++) {
      const changed = packed.slice();
      changed[at] = (changed[at] as number) ^ 0xff;
      expect(isOpenedOrRefused(codec, changed)).toBe(true);
    }
  });
});

describe("what other writers do", () => {
  test("snappy without the framing of Java is one raw block", () => {
    const framed = compression.compress("snappy", prose(500));
    const raw = framed.subarray(20);
    expect(compression.decompress("snappy", raw, 1000)).toEqual(
      compression.decompress("snappy", framed, 1000),
    );
  });

  test("snappy is framed in blocks of 32 KiB, as Java reads them", () => {
    const framed = Buffer.from(compression.compress("snappy", prose(40_000)));
    expect(framed.subarray(0, 16).toString("hex")).toBe("82534e41505059000000000100000001");
    expect(20 + framed.readInt32BE(16)).toBeLessThan(framed.length);
  });

  test("a snappy block can not claim more than its bytes can hold", () => {
    const claim = Buffer.from("ffffff0700", "hex");
    expect(() => compression.decompress("snappy", claim, 2 ** 30)).toThrow(MalformedError);
  });

  test("LZ4 frames are those that Kafka reads: independent blocks, a right header", () => {
    const frame = Buffer.from(compression.compress("lz4", prose(1000)));
    expect(frame.subarray(0, 4).toString("hex")).toBe("04224d18");
    expect((frame[4] as number) & 0x20).toBe(0x20);
    expect(frame[6]).toBe(headerChecksum(frame.subarray(4, 6)));
  });

  test("an LZ4 frame whose header sum is wrong is refused, and read once it is mended", () => {
    const frame = compression.compress("lz4", prose(1000)).slice();
    frame[6] = (frame[6] as number) ^ 1;
    expect(() => compression.decompress("lz4", frame, 1000)).toThrow("header checksum");
    expect(compression.decompress("lz4", mendLz4Frame(frame), 1000).length).toBe(1000);
  });

  test("an LZ4 frame of dependent blocks is refused, as in Kafka", () => {
    const frame = compression.compress("lz4", prose(1000)).slice();
    frame[4] = 0x40;
    expect(() => compression.decompress("lz4", mendLz4Frame(frame), 1000)).toThrow("depend");
  });

  test("the header sum of Kafka's own frames is 82", () => {
    expect(headerChecksum(Uint8Array.of(0x60, 0x40))).toBe(0x82);
  });

  test("a zstd frame without a content size is read", () => {
    const params = { [zlib.constants.ZSTD_c_contentSizeFlag]: 0 };
    const frame = zlib.zstdCompressSync(prose(5000), { params });
    expect(compression.decompress("zstd", frame, 5000).length).toBe(5000);
  });

  test("levels are those of Kafka's topic settings", () => {
    const input = prose(50_000);
    for (const level of [-1, 1, 9]) compression.compress("gzip", input, level);
    const [fast, small] = [-131_072, 22].map((level) => compression.compress("zstd", input, level));
    expect(small?.length).toBeLessThan(fast?.length ?? 0);
  });
});
