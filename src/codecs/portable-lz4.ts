import { ByteReader, ByteWriter, joinBytes } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import { xxhash32 } from "../base/xxhash32.ts";
import { type Lz4Block, lz4Blocks, measureLz4Block } from "../protocol/lz4-frame.ts";
import { BlockOutput } from "./block-output.ts";
import { findSequences, type Sequence } from "./match-finder.ts";

/** The header that Kafka writes: independent blocks of 64 KiB, no checksums (records.md). */
const frameHead = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82);
const endMark = 0;
const storedBit = 0x80;
const blockBytes = 64 * 1024;

/** The format wants the last five bytes as literals and no copy in the last twelve. */
const limits = { tailBytes: 12, literalTailBytes: 5 };
const copyBytesMin = 4;
const nibbleMax = 15;

/** One frame, without native code. */
export function compressLz4Frame(input: Uint8Array): Uint8Array {
  const writer = new ByteWriter(64 + input.length);
  writer.copy(frameHead);
  for (let at = 0; at < input.length; at += blockBytes) {
    const block = input.subarray(at, at + blockBytes);
    const packed = compressBlock(block);
    const isStored = packed.length >= block.length;
    writeLittle(writer, isStored ? block.length : packed.length, isStored ? storedBit : 0);
    writer.copy(isStored ? block : packed);
  }
  writer.int32(endMark);
  return writer.toBytes();
}

function compressBlock(input: Uint8Array): Uint8Array {
  const writer = new ByteWriter(64 + input.length);
  for (const sequence of findSequences(input, limits)) writeSequence(writer, input, sequence);
  return writer.toBytes();
}

function writeSequence(writer: ByteWriter, input: Uint8Array, sequence: Sequence): void {
  const { literalsFrom, literalsTo, distance, length } = sequence;
  const literals = literalsTo - literalsFrom;
  const copied = Math.max(0, length - copyBytesMin);
  writer.int8((Math.min(literals, nibbleMax) << 4) | Math.min(copied, nibbleMax));
  writeRest(writer, literals);
  writer.copy(input.subarray(literalsFrom, literalsTo));
  if (length === 0) return;
  writer.int8(distance);
  writer.int8(distance >> 8);
  writeRest(writer, copied);
}

/** What of a length does not fit in its half of the token. */
function writeRest(writer: ByteWriter, length: number): void {
  if (length < nibbleMax) return;
  let rest = length - nibbleMax;
  for (; rest >= 255; rest -= 255) writer.int8(255);
  writer.int8(rest);
}

function writeLittle(writer: ByteWriter, value: number, topBits: number): void {
  writer.int8(value);
  writer.int8(value >> 8);
  writer.int8(value >> 16);
  writer.int8((value >> 24) | topBits);
}

/** What a frame holds; the caller has bounded it by `checkLz4Frame`. */
export function decompressLz4Frame(frame: Uint8Array): Uint8Array {
  return joinBytes(Array.from(lz4Blocks(frame), decompressBlock));
}

function decompressBlock(block: Lz4Block): Uint8Array {
  if (block.checksum !== undefined && block.checksum !== xxhash32(block.bytes)) {
    throw new MalformedError("LZ4 block checksum");
  }
  if (block.isStored) return block.bytes;
  const sizeBytes = measureLz4Block(block.bytes);
  if (sizeBytes > block.sizeBytesMax) throw new MalformedError(`LZ4 block of ${sizeBytes} bytes`);
  const output = new BlockOutput(sizeBytes);
  const reader = new ByteReader(block.bytes);
  while (reader.left > 0) {
    const token = reader.uint8();
    output.literals(reader.bytes(readLength(reader, token >> 4)));
    if (reader.left === 0) break;
    const distance = reader.uint8() | (reader.uint8() << 8);
    output.copy(distance, readLength(reader, token & nibbleMax) + copyBytesMin);
  }
  return output.bytes;
}

function readLength(reader: ByteReader, nibble: number): number {
  if (nibble < nibbleMax) return nibble;
  let length = nibble;
  for (let byte = 255; byte === 255; length += byte) byte = reader.uint8();
  return length;
}
