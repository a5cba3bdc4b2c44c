import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";

/** The framing of snappy-java around raw blocks (records.md); only Java clients write it. */
const xerialMagic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
const xerialVersion = 1;

/** Java cuts its input into blocks of this size. */
export const xerialBlockBytes = 32 * 1024;

/** A copy of 64 bytes takes 3: no block grows more than that when it is decompressed. */
const growthMax = 22;

/** The raw blocks of a payload; one that lacks the framing is a single block. */
export function snappyBlocks(bytes: Uint8Array): Uint8Array[] {
  if (!xerialMagic.every((byte, at) => bytes[at] === byte)) return [bytes];
  const reader = new ByteReader(bytes, xerialMagic.length);
  reader.skip(8);
  const blocks: Uint8Array[] = [];
  while (reader.left > 0) blocks.push(reader.bytes(reader.int32()));
  return blocks;
}

/** What a raw block says that it decompresses to. Throws MalformedError when that can not be. */
export function snappySizeBytes(block: Uint8Array): number {
  const sizeBytes = new ByteReader(block).uvarint();
  if (sizeBytes > block.length * growthMax) {
    throw new MalformedError(`snappy block of ${block.length} bytes claims ${sizeBytes}`);
  }
  return sizeBytes;
}

/** Puts the framing around blocks that hold `xerialBlockBytes` of input each. */
export function frameSnappy(blocks: readonly Uint8Array[]): Uint8Array {
  const total = blocks.reduce((sum, block) => sum + 4 + block.length, 16);
  const writer = new ByteWriter(total);
  writer.copy(xerialMagic);
  writer.int32(xerialVersion);
  writer.int32(xerialVersion);
  for (const block of blocks) {
    writer.int32(block.length);
    writer.copy(block);
  }
  return writer.toBytes();
}
