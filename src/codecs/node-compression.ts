import { createRequire } from "node:module";
import * as zlib from "node:zlib";
import { joinBytes } from "../base/bytes.ts";
import { MalformedError, XylemError } from "../base/errors.ts";
import type { Codec, Compression } from "../protocol/compression.ts";
import { checkLz4Frame } from "../protocol/lz4-frame.ts";
import {
  frameSnappy,
  snappyBlocks,
  snappySizeBytes,
  xerialBlockBytes,
} from "../protocol/snappy-frame.ts";

interface CodecFunctions {
  compress(bytes: Uint8Array, level: number | undefined): Uint8Array;
  decompress(bytes: Uint8Array, sizeBytesMax: number): Uint8Array;
}

const gzip: CodecFunctions = {
  compress: (bytes, level = zlib.constants.Z_DEFAULT_COMPRESSION) =>
    zlib.gzipSync(bytes, { level }),
  decompress: (bytes, sizeBytesMax) => zlib.gunzipSync(bytes, { maxOutputLength: sizeBytesMax }),
};

const zstd: CodecFunctions = {
  compress: (bytes, level = zlib.constants.ZSTD_CLEVEL_DEFAULT) =>
    zlib.zstdCompressSync(bytes, {
      params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
    }),
  decompress: (bytes, sizeBytesMax) =>
    zlib.zstdDecompressSync(bytes, { maxOutputLength: sizeBytesMax }),
};

/** Writes the framing that Java writes, reads raw blocks too. The library has no output limit. */
const snappy: CodecFunctions = {
  compress: (bytes) => {
    const { compressSync } = snappyLibrary();
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += xerialBlockBytes) {
      const input = bytes.subarray(at, at + xerialBlockBytes);
      blocks.push(compressSync(input, { copyOutputData: true }));
    }
    return frameSnappy(blocks);
  },
  decompress: (bytes, sizeBytesMax) => {
    const { uncompressSync } = snappyLibrary();
    const blocks = snappyBlocks(bytes);
    const sizeBytes = blocks.reduce((total, block) => total + snappySizeBytes(block), 0);
    if (sizeBytes > sizeBytesMax) throw tooLarge(sizeBytesMax);
    return joinBytes(
      blocks.map(
        (block) => uncompressSync(block, { asBuffer: true, copyOutputData: true }) as Uint8Array,
      ),
    );
  },
};

/** The library knows no levels and no output limit: frames are measured before it gets them. */
const lz4: CodecFunctions = {
  compress: (bytes) => lz4Library().compressFrameSync(asBuffer(bytes)),
  decompress: (bytes, sizeBytesMax) => {
    checkLz4Frame(bytes, sizeBytesMax);
    return lz4Library().decompressFrameSync(asBuffer(bytes));
  },
};

const none: CodecFunctions = {
  compress: (bytes) => bytes,
  decompress: (bytes, sizeBytesMax) => {
    if (bytes.length > sizeBytesMax) throw tooLarge(sizeBytesMax);
    return bytes;
  },
};

const functions: Readonly<Record<Codec, CodecFunctions>> = { none, gzip, snappy, lz4, zstd };

/** Compression by node:zlib and by native libraries that are loaded at their first use. */
export const compression: Compression = {
  compress: (codec, bytes, level) => functions[codec].compress(bytes, level),
  decompress: (codec, bytes, sizeBytesMax) => {
    try {
      return functions[codec].decompress(bytes, sizeBytesMax);
    } catch (error) {
      throw toCodecError(error, codec, sizeBytesMax);
    }
  },
};

function toCodecError(error: unknown, codec: Codec, sizeBytesMax: number): Error {
  if (error instanceof XylemError || error instanceof MalformedError) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === "ERR_BUFFER_TOO_LARGE") return tooLarge(sizeBytesMax);
  return new MalformedError(`no ${codec} data: ${message}`, { cause: error });
}

function tooLarge(sizeBytesMax: number): XylemError {
  return new XylemError("MESSAGE_TOO_LARGE", `records decompress to over ${sizeBytesMax} bytes`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type SnappyLibrary = typeof import("snappy");
type Lz4Library = typeof import("lz4-napi");

let loadedSnappy: SnappyLibrary | undefined;
let loadedLz4: Lz4Library | undefined;

function snappyLibrary(): SnappyLibrary {
  loadedSnappy ??= load("snappy") as SnappyLibrary;
  return loadedSnappy;
}

function lz4Library(): Lz4Library {
  loadedLz4 ??= load("lz4-napi") as Lz4Library;
  return loadedLz4;
}

/** Both packages ship binaries for the common platforms; elsewhere the codec is not there. */
function load(library: string): unknown {
  try {
    return createRequire(import.meta.url)(library);
  } catch (cause) {
    throw new XylemError("UNSUPPORTED_COMPRESSION_TYPE", `${library} does not load here`, {
      cause,
    });
  }
}
