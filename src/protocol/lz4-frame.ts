import { ByteReader } from "../base/bytes.ts";
import { MalformedError, XylemError } from "../base/errors.ts";
import { xxhash32 } from "../base/xxhash32.ts";

/** The LZ4 frame format as Kafka reads it (records.md, Compression framing). */
const magic = 0x184d2204;
const endMark = 0;
const storedBit = 0x80000000;
const sizeBits = 0x7fffffff;

const flags = {
  version: 0xc0,
  versionOne: 0x40,
  independent: 0x20,
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  dictionary: 0x01,
} as const;

interface FrameHead {
  readonly blockBytesMax: number;
  readonly hasBlockChecksums: boolean;
}

/**
 * Goes over the blocks of a frame without decompressing them. Throws MalformedError on a frame that
 * Kafka would not read or that has no end, MESSAGE_TOO_LARGE when it holds over `sizeBytesMax`.
 */
export function checkLz4Frame(bytes: Uint8Array, sizeBytesMax: number): void {
  const bound = measure(bytes, (block) => Math.min(block.sizeBytesMax, block.bytes.length * 255));
  if (bound <= sizeBytesMax) return;
  const sizeBytes = measure(bytes, (block) => measureLz4Block(block.bytes));
  if (sizeBytes > sizeBytesMax) {
    throw new XylemError("MESSAGE_TOO_LARGE", `LZ4 frame of ${sizeBytes}, bound ${sizeBytesMax}`);
  }
}

/** Frames in magic 0 sets carry a header checksum that is wrong in a known way: a mended copy. */
export function mendLz4Frame(bytes: Uint8Array): Uint8Array {
  const mended = bytes.slice();
  const end = headEnd(mended);
  mended[end] = headerChecksum(mended.subarray(4, end));
  return mended;
}

function measure(bytes: Uint8Array, sizeOf: (block: Lz4Block) => number): number {
  let total = 0;
  for (const block of lz4Blocks(bytes)) {
    total += block.isStored ? block.bytes.length : sizeOf(block);
  }
  return total;
}

/** One block of a frame, a view. */
export interface Lz4Block {
  readonly bytes: Uint8Array;
  readonly isStored: boolean;
  readonly sizeBytesMax: number;
  /** xxHash32 of `bytes`, when the frame has such sums. */
  readonly checksum: number | undefined;
}

/** The blocks of a frame up to its end mark; what follows is ignored. Throws MalformedError. */
export function* lz4Blocks(frame: Uint8Array): Generator<Lz4Block, void> {
  const reader = new ByteReader(frame);
  const { blockBytesMax: sizeBytesMax, hasBlockChecksums } = readHead(reader);
  for (let word = littleUint32(reader); word !== endMark; word = littleUint32(reader)) {
    const bytes = reader.bytes(word & sizeBits);
    if (bytes.length > sizeBytesMax) throw new MalformedError(`LZ4 block of ${bytes.length} bytes`);
    const checksum = hasBlockChecksums ? littleUint32(reader) : undefined;
    yield { bytes, isStored: (word & storedBit) !== 0, sizeBytesMax, checksum };
  }
}

function readHead(reader: ByteReader): FrameHead {
  const { source } = reader;
  const end = headEnd(source);
  const flag = source[4] as number;
  const descriptor = source[5] as number;
  if (littleUint32(reader) !== magic) throw new MalformedError("no LZ4 frame");
  if ((flag & flags.version) !== flags.versionOne) throw new MalformedError("LZ4 frame version");
  if (!(flag & flags.independent)) throw new MalformedError("LZ4 blocks depend on each other");
  if (flag & flags.dictionary) throw new MalformedError("LZ4 frame needs a dictionary");
  const sizeCode = (descriptor >> 4) & 7;
  if (sizeCode < 4) throw new MalformedError(`LZ4 block size code ${sizeCode}`);
  reader.position = end + 1;
  if (source[end] !== headerChecksum(source.subarray(4, end))) {
    throw new MalformedError("LZ4 header checksum");
  }
  const blockBytesMax = 2 ** (8 + 2 * sizeCode);
  return { blockBytesMax, hasBlockChecksums: (flag & flags.blockChecksum) !== 0 };
}

/** Position of the header checksum. */
function headEnd(bytes: Uint8Array): number {
  const flag = bytes[4] ?? 0;
  const end = 6 + (flag & flags.contentSize ? 8 : 0) + (flag & flags.dictionary ? 4 : 0);
  if (bytes.length <= end) throw new MalformedError("LZ4 frame ends in its header");
  return end;
}

/** Size of what a block decompresses to, from its lengths alone. */
export function measureLz4Block(block: Uint8Array): number {
  const reader = new ByteReader(block);
  let total = 0;
  while (reader.left > 0) {
    const token = reader.uint8();
    const literals = longLength(reader, token >> 4);
    reader.skip(literals);
    total += literals;
    if (reader.left === 0) break;
    reader.skip(2);
    total += longLength(reader, token & 15) + 4;
  }
  return total;
}

function longLength(reader: ByteReader, nibble: number): number {
  let length = nibble;
  if (nibble < 15) return length;
  for (;;) {
    const byte = reader.uint8();
    length += byte;
    if (byte < 255) return length;
  }
}

function littleUint32(reader: ByteReader): number {
  const low = reader.uint8() | (reader.uint8() << 8) | (reader.uint8() << 16);
  return (low | (reader.uint8() << 24)) >>> 0;
}

/** Second byte of the hash over the two to fourteen bytes that describe the frame. */
export function headerChecksum(bytes: Uint8Array): number {
  return (xxhash32(bytes) >>> 8) & 0xff;
}
