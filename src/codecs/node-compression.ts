import { createRequire } from "node:module";
import { joinBytes } from "../base/bytes.ts";
import { MalformedError, XylemError } from "../base/errors.ts";
import type { Codec, Compression } from "../protocol/compression.ts";
import { checkLz4Frame } from "../protocol/lz4-frame.ts";
import { compressLz4Frame, decompressLz4Frame } from "./portable-lz4.ts";
import { compressSnappyBlock, decompressSnappyBlock } from "./portable-snappy.ts";
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

/** Most programs that start a broker never compress anything: an import would cost each 3 ms. */
const zlib = () => process.getBuiltinModule("node:zlib");

const gzip: CodecFunctions = {
  compress: (bytes, level = zlib().constants.Z_DEFAULT_COMPRESSION) =>
    zlib().gzipSync(bytes, { level }),
  decompress: (bytes, sizeBytesMax) => zlib().gunzipSync(bytes, { maxOutputLength: sizeBytesMax }),
};

const zstd: CodecFunctions = {
  compress: (bytes, level = zlib().constants.ZSTD_CLEVEL_DEFAULT) =>
    zlib().zstdCompressSync(bytes, {
      params: { [zlib().constants.ZSTD_c_compressionLevel]: level },
    }),
  decompress: (bytes, sizeBytesMax) =>
    zlib().zstdDecompressSync(bytes, { maxOutputLength: sizeBytesMax }),
};

/** Writes the framing that Java writes, reads raw blocks too. The library has no output limit. */
const snappy: CodecFunctions = {
  compress: (bytes) => {
    const { compress } = snappyBlockFunctions();
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += xerialBlockBytes) {
      blocks.push(compress(bytes.subarray(at, at + xerialBlockBytes)));
    }
    return frameSnappy(blocks);
  },
  decompress: (bytes, sizeBytesMax) => {
    const blocks = snappyBlocks(bytes);
    const sizeBytes = blocks.reduce((total, block) => total + snappySizeBytes(block), 0);
    if (sizeBytes > sizeBytesMax) throw tooLarge(sizeBytesMax);
    return joinBytes(blocks.map(snappyBlockFunctions().decompress));
  },
};

/** The library knows no levels and no output limit: frames are measured before it gets them. */
const lz4: CodecFunctions = {
  compress: (bytes) => lz4FrameFunctions().compress(bytes),
  decompress: (bytes, sizeBytesMax) => {
    checkLz4Frame(bytes, sizeBytesMax);
    return lz4FrameFunctions().decompress(bytes);
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

/**
 * Compression by node:zlib, and by native libraries that are loaded at their first use; where one
 * does not load, its portable form.
 */
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

interface BlockFunctions {
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly decompress: (bytes: Uint8Array) => Uint8Array;
}

let snappyFunctions: BlockFunctions | undefined;
let lz4Functions: BlockFunctions | undefined;

function snappyBlockFunctions(): BlockFunctions {
  snappyFunctions ??= nativeSnappy() ?? {
    compress: compressSnappyBlock,
    decompress: decompressSnappyBlock,
  };
  return snappyFunctions;
}

function lz4FrameFunctions(): BlockFunctions {
  lz4Functions ??= nativeLz4() ?? { compress: compressLz4Frame, decompress: decompressLz4Frame };
  return lz4Functions;
}

/** Copies its output: buffers that it owns are only given back when the event loop turns. */
function nativeSnappy(): BlockFunctions | undefined {
  const library = load("snappy") as typeof import("snappy") | undefined;
  if (library === undefined) return undefined;
  const options = { asBuffer: true, copyOutputData: true };
  return {
    compress: (bytes) => library.compressSync(bytes, options),
    decompress: (bytes) => library.uncompressSync(bytes, options) as Uint8Array,
  };
}

function nativeLz4(): BlockFunctions | undefined {
  const library = load("lz4-napi") as typeof import("lz4-napi") | undefined;
  if (library === undefined) return undefined;
  return {
    compress: (bytes) => library.compressFrameSync(asBuffer(bytes)),
    decompress: (bytes) => library.decompressFrameSync(asBuffer(bytes)),
  };
}

/** Both packages ship binaries for the common platforms; elsewhere requiring them throws. */
function load(library: string): unknown {
  try {
    return createRequire(import.meta.url)(library);
  } catch {
    return undefined;
  }
}
